// Package health asks a service of the same container whether it is in order.
package health

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"cloudlab.example/reload/internal/supervise"
)

// How long a program has to run before it counts as in order: after its start, and after an end by itself.
const settled, recovered = 2 * time.Second, 15 * time.Second

// The service says so itself when it is not, so a few words are enough.
const longest = 300

// Check asks the service behind the address. The error says what is wrong.
//
//	http://host:port/path      in order when it answers with a status from 200 to 399
//	grpc://host:port/service   the gRPC health protocol; without a service the server as a whole is meant
//	tcp://host:port            in order when it accepts a connection
//	process:                   in order when the supervised program runs
//	container:                 in order: the container's own process is the service
func Check(ctx context.Context, address, stateFile string) error {
	target, err := url.Parse(address)
	if err != nil {
		return err
	}
	switch target.Scheme {
	case "http":
		err = askHTTP(ctx, address)
	case "grpc":
		err = askGRPC(ctx, target)
	case "tcp":
		err = connect(ctx, target.Host)
	case "process":
		if _, supervised, err := supervise.ReadState(stateFile); err == nil && !supervised {
			return fmt.Errorf("%s does not exist: nothing is supervised here", stateFile)
		}
	case "container":
		return nil
	default:
		return fmt.Errorf("%s: http, grpc, tcp, process and container are known, %q is not", address, target.Scheme)
	}
	return withState(err, target.Scheme == "process", stateFile)
}

// withState adds what the supervisor knows, where there is one.
func withState(failure error, processOnly bool, stateFile string) error {
	state, supervised, err := supervise.ReadState(stateFile)
	if err != nil {
		return errors.Join(failure, err)
	}
	if !supervised || (failure == nil && !processOnly) {
		return failure
	}
	if processOnly && state.State == supervise.Running {
		return steady(state)
	}
	switch {
	case state.State == supervise.Crashed:
		return fmt.Errorf("crashed %d times, last: %s", state.Ends, state.Last)
	case state.State == supervise.Waiting && state.Words != "":
		return fmt.Errorf("cannot be built: %s", state.Words)
	case state.State == supervise.Waiting:
		return errors.New("waiting for the first build")
	case state.Ends > 0:
		return fmt.Errorf("crashed %d times, last: %s; now: %w", state.Ends, state.Last, failure)
	}
	return failure
}

// steady says whether a program that nothing else can be asked about has run long enough to be believed.
func steady(state supervise.State) error {
	needed := settled
	if state.Ends > 0 {
		needed = recovered
	}
	if ran := time.Since(state.Since); ran < needed {
		if state.Ends > 0 {
			return fmt.Errorf("crashed %d times, last: %s; now it has run for %s", state.Ends, state.Last, ran.Round(time.Second))
		}
		return fmt.Errorf("it has run for %s, and counts as in order after %s", ran.Round(time.Millisecond), needed)
	}
	return nil
}

func askHTTP(ctx context.Context, address string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	// A redirect is an answer; where it leads is another question.
	client := http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	response, err := client.Do(request)
	if err != nil {
		return unwrap(err)
	}
	defer response.Body.Close()
	if response.StatusCode >= 200 && response.StatusCode < 400 {
		return nil
	}
	said, _ := io.ReadAll(io.LimitReader(response.Body, longest))
	return fmt.Errorf("%s answers %s %s", address, response.Status, strings.Join(strings.Fields(string(said)), " "))
}

// askGRPC calls grpc.health.v1.Health/Check. A call is an HTTP/2 request whose body is a message with a five byte header, so
// nothing but the standard library is needed for it.
func askGRPC(ctx context.Context, target *url.URL) error {
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	client := http.Client{Transport: &http.Transport{Protocols: &protocols, DisableKeepAlives: true}}
	body := frame(message(strings.Trim(target.Path, "/")))
	request, err := http.NewRequestWithContext(
		ctx, http.MethodPost, "http://"+target.Host+"/grpc.health.v1.Health/Check", bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/grpc")
	request.Header.Set("Te", "trailers")
	response, err := client.Do(request)
	if err != nil {
		return unwrap(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, 1<<16))
	if err != nil {
		return unwrap(err)
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", target, response.Status)
	}
	if status, words := trailer(response, "Grpc-Status"), trailer(response, "Grpc-Message"); status != "0" {
		return fmt.Errorf("%s answers gRPC status %s %s", target, status, words)
	}
	return serving(target, answer)
}

// message is a HealthCheckRequest: the service's name as field 1.
func message(service string) []byte {
	if service == "" {
		return nil
	}
	return append(append([]byte{1<<3 | 2}, binary.AppendUvarint(nil, uint64(len(service)))...), service...)
}

func frame(message []byte) []byte {
	return append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(message))), message...)
}

// serving reads a HealthCheckResponse: the status as field 1, in which 1 is SERVING.
func serving(target *url.URL, answer []byte) error {
	const header = 5
	if len(answer) == header+2 && answer[header] == 1<<3 {
		status := int(answer[header+1])
		if status == 1 {
			return nil
		}
		names := []string{"UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"}
		if status < len(names) {
			return fmt.Errorf("%s answers %s", target, names[status])
		}
	}
	return fmt.Errorf("%s answers UNKNOWN", target)
}

// trailer is a trailer of the answer; a server that refuses a call sends it among the headers.
func trailer(response *http.Response, name string) string {
	if value := response.Trailer.Get(name); value != "" {
		return value
	}
	return response.Header.Get(name)
}

func connect(ctx context.Context, host string) error {
	connection, err := (&net.Dialer{}).DialContext(ctx, "tcp", host)
	if err != nil {
		return err
	}
	return connection.Close()
}

// unwrap drops the request's own words from an error of net/http.
func unwrap(err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		return wrapped.Err
	}
	return err
}
