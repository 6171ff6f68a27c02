// Package health checks the health of a service in the same container.
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

// How long a program without a health endpoint has to run until it is healthy: after its start, and after a crash.
const startPeriod, recoveryPeriod = 2 * time.Second, 15 * time.Second

// maxBody limits how much of an error response is shown, in bytes.
const maxBody = 300

// Check checks the service at the address:
//
//	http://host:port/path      healthy if the response status is 200 to 399
//	grpc://host:port/service   the gRPC health protocol; without a service, the health of the server
//	tcp://host:port            healthy if it accepts a connection
//	process:                   healthy if the supervised program runs
//	container:                 healthy: the container's own process is the service
func Check(ctx context.Context, address, stateFile string) error {
	target, err := url.Parse(address)
	if err != nil {
		return err
	}
	switch target.Scheme {
	case "http":
		err = checkHTTP(ctx, address)
	case "grpc":
		err = checkGRPC(ctx, target)
	case "tcp":
		err = checkTCP(ctx, target.Host)
	case "process":
		if _, supervised, err := supervise.ReadState(stateFile); err == nil && !supervised {
			return fmt.Errorf("%s does not exist: this container has no supervisor", stateFile)
		}
	case "container":
		return nil
	default:
		return fmt.Errorf("%s: unknown scheme %q. Use http, grpc, tcp, process or container", address, target.Scheme)
	}
	return withState(err, target.Scheme == "process", stateFile)
}

// withState adds the supervisor's state to a failure, if there is a supervisor.
func withState(failure error, processOnly bool, stateFile string) error {
	state, supervised, err := supervise.ReadState(stateFile)
	if err != nil {
		return errors.Join(failure, err)
	}
	if !supervised || (failure == nil && !processOnly) {
		return failure
	}
	if processOnly && state.State == supervise.Running {
		return checkUptime(state)
	}
	switch {
	case state.State == supervise.Crashed:
		return fmt.Errorf("crashed %d times, last: %s", state.Crashes, state.LastExit)
	case state.State == supervise.Waiting && state.BuildError != "":
		return fmt.Errorf("build failed: %s", state.BuildError)
	case state.State == supervise.Waiting:
		return errors.New("waiting for the first build")
	case state.Crashes > 0:
		return fmt.Errorf("crashed %d times, last: %s; now: %w", state.Crashes, state.LastExit, failure)
	}
	return failure
}

// checkUptime checks that a program without a health endpoint has run long enough.
func checkUptime(state supervise.State) error {
	required := startPeriod
	if state.Crashes > 0 {
		required = recoveryPeriod
	}
	if uptime := time.Since(state.Since); uptime < required {
		if state.Crashes > 0 {
			return fmt.Errorf("crashed %d times, last: %s; now running for %s", state.Crashes, state.LastExit, uptime.Round(time.Second))
		}
		return fmt.Errorf("running for %s, healthy after %s", uptime.Round(time.Millisecond), required)
	}
	return nil
}

func checkHTTP(ctx context.Context, address string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	// A redirect is a healthy response; its target is not checked.
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
	body, _ := io.ReadAll(io.LimitReader(response.Body, maxBody))
	return fmt.Errorf("%s answers %s %s", address, response.Status, strings.Join(strings.Fields(string(body)), " "))
}

// checkGRPC calls grpc.health.v1.Health/Check. A call is an HTTP/2 request whose body is a message with a five byte header,
// so the standard library suffices.
func checkGRPC(ctx context.Context, target *url.URL) error {
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	client := http.Client{Transport: &http.Transport{Protocols: &protocols, DisableKeepAlives: true}}
	body := frame(encodeRequest(strings.Trim(target.Path, "/")))
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
	if status, message := trailer(response, "Grpc-Status"), trailer(response, "Grpc-Message"); status != "0" {
		return fmt.Errorf("%s answers gRPC status %s %s", target, status, message)
	}
	return checkServing(target, answer)
}

// encodeRequest encodes a HealthCheckRequest: the service's name as field 1.
func encodeRequest(service string) []byte {
	if service == "" {
		return nil
	}
	return append(append([]byte{1<<3 | 2}, binary.AppendUvarint(nil, uint64(len(service)))...), service...)
}

func frame(message []byte) []byte {
	return append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(message))), message...)
}

// checkServing decodes a HealthCheckResponse: the status as field 1, in which 1 is SERVING.
func checkServing(target *url.URL, answer []byte) error {
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

// trailer returns a trailer of the response; a server that rejects a call sends it as a header.
func trailer(response *http.Response, name string) string {
	if value := response.Trailer.Get(name); value != "" {
		return value
	}
	return response.Header.Get(name)
}

func checkTCP(ctx context.Context, host string) error {
	connection, err := (&net.Dialer{}).DialContext(ctx, "tcp", host)
	if err != nil {
		return err
	}
	return connection.Close()
}

// unwrap removes the method and URL from an error of net/http.
func unwrap(err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		return wrapped.Err
	}
	return err
}
