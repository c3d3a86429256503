<?php
// The line driver of PHP's HTTP streams: php php_clients.php php, or --version php. Each line of the standard input is a
// request and each line of the standard output its outcome, in JSON. A stream keeps no connection.
if ($argv[1] === "--version") {
    echo "PHP ", PHP_VERSION, "\n";
    exit;
}

const KEPT_OCTETS = 4 * 1024 * 1024; // of a body, so that the memory of this program is its client's

function context_for(array $command)
{
    $lines = [];
    foreach ($command["headers"] ?? [] as $name => $value) {
        $lines[] = "$name: $value";
    }
    $http = ["method" => $command["method"] ?? "GET", "header" => $lines, "ignore_errors" => true];
    if (isset($command["body_b64"])) {
        $http["content"] = base64_decode($command["body_b64"]);
    }
    if (isset($command["timeout"])) {
        $http["timeout"] = $command["timeout"];
    }
    $authority = getenv("SSL_CERT_FILE");
    return stream_context_create(["http" => $http, "ssl" => $authority ? ["cafile" => $authority] : []]);
}

function outcome(array $command): array
{
    $http_response_header = [];
    $body = @file_get_contents($command["url"], false, context_for($command));
    if ($body === false) {
        return ["ok" => false, "error" => substr(error_get_last()["message"] ?? "file_get_contents failed", 0, 500)];
    }
    $status = 0;
    $fields = [];
    foreach ($http_response_header as $line) {
        if (preg_match("~^HTTP/\S+ (\d+)~", $line, $found)) {
            [$status, $fields] = [(int) $found[1], []];
        } elseif (str_contains($line, ":")) {
            [$name, $value] = explode(":", $line, 2);
            $fields[$name] = trim($value);
        }
    }
    $begun = base64_encode(substr($body, 0, KEPT_OCTETS));
    return ["ok" => true, "status" => $status, "headers" => (object) $fields, "body_b64" => $begun, "octets" => strlen($body)];
}

while (($line = fgets(STDIN)) !== false) {
    $command = json_decode($line, true);
    $outcome = ["id" => $command["id"]] + outcome($command);
    echo json_encode($outcome, JSON_INVALID_UTF8_SUBSTITUTE), "\n";
}
