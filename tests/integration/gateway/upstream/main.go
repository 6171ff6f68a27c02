// A service as the gateway's tests need one, and a client that speaks gRPC, in one static binary of the standard library alone.
//
//	upstream serve NAME                  HTTP on 8080, gRPC on 9090
//	upstream call HOST:PORT /pkg.S/M MESSAGE [TOKEN]
package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strconv"
	"sync"
	"time"
)

func main() {
	switch {
	case len(os.Args) == 3 && os.Args[1] == "serve":
		serve(os.Args[2])
	case len(os.Args) >= 5 && os.Args[1] == "call":
		token := ""
		if len(os.Args) > 5 {
			token = os.Args[5]
		}
		call(os.Args[2], os.Args[3], os.Args[4], token)
	default:
		log.Fatal("usage: upstream serve NAME | upstream call HOST:PORT /pkg.S/M MESSAGE [TOKEN]")
	}
}

// service counts requests per key, so that a test sees how often one was tried.
type service struct {
	name string
	mu   sync.Mutex
	seen map[string]int
}

func (s *service) count(key string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen[key]++
	return s.seen[key]
}

func (s *service) times(key string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seen[key]
}

func serve(name string) {
	s := &service{name: name, seen: map[string]int{}}
	go func() {
		protocols := new(http.Protocols)
		protocols.SetUnencryptedHTTP2(true)
		server := &http.Server{Addr: ":9090", Handler: http.HandlerFunc(s.grpc), Protocols: protocols}
		log.Fatal(server.ListenAndServe())
	}()
	mux := http.NewServeMux()
	mux.HandleFunc("/.well-known/jwks.json", func(w http.ResponseWriter, _ *http.Request) {
		s.count("jwks")
		fmt.Fprint(w, os.Getenv("JWKS"))
	})
	mux.HandleFunc("/v1/traces", func(_ http.ResponseWriter, _ *http.Request) { s.count("traces") })
	mux.HandleFunc("/", s.http)
	log.Fatal(http.ListenAndServe(":8080", mux))
}

// http answers with what it was asked, and behaves as the query says:
// fail=N answers 503 to the first N requests of this id, wait=D waits, hold=ID sends lines until release=ID is asked for and
// ends with one that says so, seen=ID tells how many requests had this id.
func (s *service) http(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	if id := query.Get("seen"); id != "" {
		fmt.Fprint(w, s.times(id))
		return
	}
	if id := query.Get("release"); id != "" {
		s.count(id)
		return
	}
	if id := query.Get("hold"); id != "" {
		s.hold(w, r, id)
		return
	}
	attempt := s.count(query.Get("id"))
	if fail, _ := strconv.Atoi(query.Get("fail")); attempt <= fail {
		http.Error(w, "not yet", http.StatusServiceUnavailable)
		return
	}
	if wait, err := time.ParseDuration(query.Get("wait")); err == nil {
		time.Sleep(wait)
	}
	host, _ := os.Hostname()
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{
		"service": s.name, "host": host, "method": r.Method, "path": r.URL.Path, "headers": r.Header,
	})
}

func (s *service) hold(w http.ResponseWriter, r *http.Request, id string) {
	for s.times(id) == 0 {
		select {
		case <-r.Context().Done():
			return
		case <-time.After(100 * time.Millisecond):
		}
		fmt.Fprintln(w, "held")
		w.(http.Flusher).Flush()
	}
	fmt.Fprintln(w, "released")
}

// grpc sends every message back, and its own name and the caller's headers as trailers.
func (s *service) grpc(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/grpc")
	w.Header().Set("Trailer", "Grpc-Status, X-Service, X-Seen-User")
	_, _ = io.Copy(w, r.Body)
	w.Header().Set("Grpc-Status", "0")
	w.Header().Set("X-Service", s.name)
	w.Header().Set("X-Seen-User", r.Header.Get("X-User-Id"))
}

// call makes one unary call with MESSAGE as its bytes and prints the outcome as JSON.
func call(address, method, message, token string) {
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	client := http.Client{Transport: &http.Transport{Protocols: protocols}, Timeout: 20 * time.Second}
	frame := binary.BigEndian.AppendUint32([]byte{0}, uint32(len(message)))
	frame = append(frame, message...)
	request, err := http.NewRequest(http.MethodPost, "http://"+address+method, bytes.NewReader(frame))
	if err != nil {
		log.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/grpc")
	request.Header.Set("TE", "trailers")
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := client.Do(request)
	if err != nil {
		log.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		log.Fatal(err)
	}
	outcome := map[string]string{"http": strconv.Itoa(response.StatusCode)}
	for _, name := range []string{"Grpc-Status", "Grpc-Message", "X-Service", "X-Seen-User"} {
		outcome[name] = response.Header.Get(name) + response.Trailer.Get(name)
	}
	if len(body) > 5 {
		outcome["message"] = string(body[5:])
	}
	_ = json.NewEncoder(os.Stdout).Encode(outcome)
}
