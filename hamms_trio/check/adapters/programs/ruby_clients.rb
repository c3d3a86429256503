# The line driver of Ruby's Net::HTTP: ruby ruby_clients.rb ruby, or --version ruby. Each line of the standard input is a
# request and each line of the standard output its outcome, in JSON.
require "base64"
require "json"
require "net/http"

KEPT_OCTETS = 4 * 1024 * 1024 # of a body, so that the memory of this program is its client's

# One client: a persistent connection for each origin.
class Client
  def initialize
    @kept = {}
  end

  def send(method, uri, headers, body, timeout)
    connection = open(uri)
    connection.open_timeout = connection.read_timeout = connection.write_timeout = timeout if timeout
    connection.start unless connection.started?
    request = Net::HTTPGenericRequest.new(method, !body.nil?, method != "HEAD", uri.request_uri, headers)
    request.body = body if body
    connection.request(request)
  rescue StandardError
    @kept.delete(origin(uri))
    raise
  end

  private

  def open(uri)
    @kept[origin(uri)] ||= Net::HTTP.new(uri.host, uri.port).tap { |new| new.use_ssl = uri.scheme == "https" }
  end

  def origin(uri)
    [uri.scheme, uri.host, uri.port]
  end
end

def outcome(client, command)
  body = command["body_b64"] && Base64.decode64(command["body_b64"])
  arguments = [command.fetch("method", "GET"), URI(command["url"]), command["headers"] || {}, body, command["timeout"]]
  answer = client.send(*arguments)
  headers = answer.each_header.to_h.transform_values { |value| value.dup.force_encoding("UTF-8").scrub }
  content = answer.body || ""
  begun = Base64.strict_encode64(content.byteslice(0, KEPT_OCTETS))
  { ok: true, status: answer.code.to_i, headers: headers, body_b64: begun, octets: content.bytesize }
rescue StandardError => error
  { ok: false, error: "#{error.class}: #{error.message}".scrub[0, 500] }
end

if ARGV.first == "--version"
  puts "Ruby #{RUBY_VERSION}"
  exit
end

$stdout.sync = true
client = Client.new
session = nil
$stdin.each_line do |line|
  command = JSON.parse(line)
  client = Client.new if command["session"] != session
  session = command["session"]
  puts JSON.generate({ id: command["id"] }.merge(outcome(client, command)))
end
