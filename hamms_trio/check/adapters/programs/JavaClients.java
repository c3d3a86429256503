// The line driver of Java's HttpClient: java JavaClients java, or --version java. Each line of the standard input is a
// request and each line of the standard output its outcome, in JSON.
import java.io.*;
import java.net.URI;
import java.net.http.*;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.*;
import java.util.regex.*;

public class JavaClients {
    // A member of an object, whose value is a text, a number, or an object of texts.
    private static final String LETTERS = "[^\"\\\\]*+(?:\\\\.[^\"\\\\]*+)*+";
    private static final String TEXT = "\"(" + LETTERS + ")\"";
    private static final String OBJECT = "(\\{(?:[^{}\"]|\"" + LETTERS + "\")*+\\})";
    private static final Pattern MEMBER =
        Pattern.compile(TEXT + "\\s*:\\s*(?:" + TEXT + "|([-+.\\deE]+)|" + OBJECT + "|null)");

    // Of a body, so that the memory of this program is its client's.
    private static final int KEPT_OCTETS = 4 << 20;

    public static void main(String[] arguments) throws IOException {
        if (arguments[0].equals("--version")) {
            System.out.println("Java " + Runtime.version());
            return;
        }
        var lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        var outcomes = new PrintStream(new FileOutputStream(FileDescriptor.out), true, StandardCharsets.UTF_8);
        HttpClient client = open();
        Object session = null;
        for (String line; (line = lines.readLine()) != null; ) {
            Map<String, Object> command = read(line);
            if (!Objects.equals(command.get("session"), session)) {
                client = open();
                session = command.get("session");
            }
            outcomes.println("{\"id\": " + command.get("id") + ", " + outcome(client, command) + "}");
        }
        System.exit(0); // the threads of a client would keep the process
    }

    private static HttpClient open() {
        return HttpClient.newBuilder().followRedirects(HttpClient.Redirect.NORMAL).build();
    }

    private static String outcome(HttpClient client, Map<String, Object> command) {
        try {
            var answer = client.send(request(command), HttpResponse.BodyHandlers.ofByteArray());
            var fields = new StringJoiner(", ", "{", "}");
            answer.headers().map().forEach((name, values) -> fields.add(quoted(name) + ": " + quoted(values.get(0))));
            return "\"ok\": true, \"status\": " + answer.statusCode() + ", \"headers\": " + fields
                + ", \"body_b64\": \"" + Base64.getEncoder().encodeToString(begun(answer.body())) + "\""
                + ", \"octets\": " + answer.body().length;
        } catch (Exception error) { // whatever a client throws is its outcome
            String text = error.toString();
            return "\"ok\": false, \"error\": " + quoted(text.substring(0, Math.min(text.length(), 500)));
        }
    }

    private static byte[] begun(byte[] body) {
        return body.length > KEPT_OCTETS ? Arrays.copyOf(body, KEPT_OCTETS) : body;
    }

    @SuppressWarnings("unchecked")
    private static HttpRequest request(Map<String, Object> command) {
        var body = (String) command.get("body_b64");
        var content = body == null
            ? HttpRequest.BodyPublishers.noBody()
            : HttpRequest.BodyPublishers.ofByteArray(Base64.getDecoder().decode(body));
        var request = HttpRequest.newBuilder(URI.create((String) command.get("url")))
            .method((String) command.getOrDefault("method", "GET"), content);
        ((Map<String, Object>) command.getOrDefault("headers", Map.of()))
            .forEach((name, value) -> request.header(name, (String) value));
        if (command.get("timeout") instanceof Double timeout) {
            request.timeout(Duration.ofNanos((long) (timeout * 1e9)));
        }
        return request.build();
    }

    private static Map<String, Object> read(String object) {
        var members = new HashMap<String, Object>();
        var found = MEMBER.matcher(object);
        while (found.find()) {
            Object value = found.group(2) != null ? unquoted(found.group(2))
                : found.group(3) != null ? number(unquoted(found.group(1)), found.group(3))
                : found.group(4) != null ? read(found.group(4))
                : null;
            if (value != null) members.put(unquoted(found.group(1)), value);
        }
        return members;
    }

    private static Object number(String name, String digits) {
        return name.equals("timeout") ? Double.valueOf(digits) : digits; // an id goes back as it came
    }

    private static String unquoted(String text) {
        var plain = new StringBuilder();
        for (int at = 0; at < text.length(); at++) {
            char letter = text.charAt(at);
            if (letter != '\\') {
                plain.append(letter);
            } else if (text.charAt(++at) == 'u') {
                plain.append((char) Integer.parseInt(text.substring(at + 1, at + 5), 16));
                at += 4;
            } else {
                int which = "bfnrt".indexOf(text.charAt(at));
                plain.append(which < 0 ? text.charAt(at) : "\b\f\n\r\t".charAt(which));
            }
        }
        return plain.toString();
    }

    private static String quoted(String text) {
        var coded = new StringBuilder("\"");
        for (char letter : text.toCharArray()) {
            if (letter < ' ' || letter > '~' || letter == '"' || letter == '\\') {
                coded.append(String.format("\\u%04x", (int) letter));
            } else {
                coded.append(letter);
            }
        }
        return coded.append('"').toString();
    }
}
