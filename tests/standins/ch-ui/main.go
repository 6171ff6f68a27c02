// Command ch-ui stands in for CH-UI: it has the same requirements at start, and accepts the logins that ClickHouse accepts.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

const minKeyLength = 32

func main() {
	log.SetFlags(0)
	if len(os.Args) < 2 || os.Args[1] != "server" {
		log.Fatalf("usage: ch-ui server [--pid-file PATH]")
	}
	flags := flag.NewFlagSet("server", flag.ExitOnError)
	pidFile := flags.String("pid-file", "ch-ui-server.pid", "file for the process ID")
	_ = flags.Parse(os.Args[2:])
	if err := run(*pidFile); err != nil {
		log.Fatalf("failed to start the server: %v", err)
	}
}

func run(pidFile string) error {
	pid := strconv.Itoa(os.Getpid()) + "\n"
	if err := os.WriteFile(pidFile, []byte(pid), 0o600); err != nil {
		return fmt.Errorf("write the process ID: %w", err)
	}
	database := os.Getenv("DATABASE_PATH")
	if err := os.WriteFile(filepath.Join(filepath.Dir(database), ".probe"), nil, 0o600); err != nil {
		return fmt.Errorf("open the database %s: %w", database, err)
	}
	if len(os.Getenv("APP_SECRET_KEY")) < minKeyLength {
		return errors.New("APP_SECRET_KEY is too short")
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "<title>CH-UI</title>") })
	mux.HandleFunc("POST /api/auth/login", login)
	server := &http.Server{Addr: ":" + os.Getenv("PORT"), Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	return server.ListenAndServe()
}

// login checks the account with a request to ClickHouse.
func login(w http.ResponseWriter, r *http.Request) {
	var account struct{ Username, Password string }
	if err := json.NewDecoder(r.Body).Decode(&account); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	request, err := http.NewRequestWithContext(r.Context(), http.MethodGet, os.Getenv("CLICKHOUSE_URL")+"/?query=SELECT+1", nil)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	request.SetBasicAuth(account.Username, account.Password)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		http.Error(w, "ClickHouse rejected the login", http.StatusUnauthorized)
	}
}
