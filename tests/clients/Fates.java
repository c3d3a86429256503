// Sends a GET to each URL on the command line with java.net.http, and prints "answer" with the number of octets,
// or "error"; "timeout" if nothing ends it within the first argument's milliseconds.
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

public class Fates {
  public static void main(String[] arguments) throws Exception {
    var milliseconds = Long.parseLong(arguments[0]);
    for (var i = 1; i < arguments.length; i++) {
      var client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
      var request = HttpRequest.newBuilder(URI.create(arguments[i])).build();
      var call = client.sendAsync(request, BodyHandlers.ofByteArray());
      try {
        var body = call.get(milliseconds, TimeUnit.MILLISECONDS).body();
        System.out.println("answer " + body.length);
      } catch (ExecutionException error) {
        System.out.println("error");
      } catch (TimeoutException error) {
        System.out.println("timeout");
      }
    }
    System.exit(0); // a call that hangs keeps its thread
  }
}
