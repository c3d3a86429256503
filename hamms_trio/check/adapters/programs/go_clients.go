// The line driver of Go's net/http: go_clients go, or --version go. Each line of the standard input is a request and
// each line of the standard output its outcome, in JSON.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime"
	"time"
)

const keptOctets = 4 << 20 // of a body, so that the memory of this program is its client's

type command struct {
	ID      json.RawMessage   `json:"id"`
	Session json.RawMessage   `json:"session"`
	Method  string            `json:"method"`
	URL     string            `json:"url"`
	Headers map[string]string `json:"headers"`
	Body    *[]byte           `json:"body_b64"`
	Timeout float64           `json:"timeout"`
}

type outcome struct {
	ID      json.RawMessage   `json:"id"`
	OK      bool              `json:"ok"`
	Error   string            `json:"error,omitempty"`
	Status  int               `json:"status,omitempty"`
	Headers map[string]string `json:"headers,omitempty"`
	Body    []byte            `json:"body_b64,omitempty"`
	Octets  int               `json:"octets"`
}

func open() *http.Client {
	return &http.Client{Transport: http.DefaultTransport.(*http.Transport).Clone()}
}

func send(client *http.Client, asked command) (int, http.Header, []byte, error) {
	var body io.Reader
	if asked.Body != nil {
		body = bytes.NewReader(*asked.Body)
	}
	request, err := http.NewRequest(asked.Method, asked.URL, body)
	if err != nil {
		return 0, nil, nil, err
	}
	for name, value := range asked.Headers {
		request.Header.Set(name, value)
	}
	client.Timeout = time.Duration(asked.Timeout * float64(time.Second))
	answer, err := client.Do(request)
	if err != nil {
		return 0, nil, nil, err
	}
	defer answer.Body.Close()
	content, err := io.ReadAll(answer.Body)
	return answer.StatusCode, answer.Header, content, err
}

func answer(client *http.Client, asked command) outcome {
	status, fields, content, err := send(client, asked)
	if err != nil {
		return outcome{ID: asked.ID, Error: err.Error()}
	}
	headers := map[string]string{}
	for name := range fields {
		headers[name] = fields.Get(name)
	}
	octets := len(content)
	if octets > keptOctets {
		content = content[:keptOctets]
	}
	return outcome{ID: asked.ID, OK: true, Status: status, Headers: headers, Body: content, Octets: octets}
}

func main() {
	if os.Args[1] == "--version" {
		fmt.Println(runtime.Version())
		return
	}
	lines := json.NewDecoder(bufio.NewReader(os.Stdin))
	outcomes := json.NewEncoder(os.Stdout)
	client, session := open(), ""
	for {
		asked := command{Method: "GET"}
		if lines.Decode(&asked) != nil {
			return
		}
		if string(asked.Session) != session {
			client.CloseIdleConnections()
			client, session = open(), string(asked.Session)
		}
		outcomes.Encode(answer(client, asked))
	}
}
