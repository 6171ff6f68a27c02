// Command portainer stands in for Portainer: it has the same requirements at start, one administrator who is created with
// new data, and shows the containers of the engine.
package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const minPasswordLength = 12

func main() {
	log.SetFlags(0)
	flags := flag.NewFlagSet("portainer", flag.ExitOnError)
	host := flags.String("H", "", "environment URL")
	passwordFile := flags.String("admin-password-file", "", "file with the password of the administrator")
	data := flags.String("data", "/data", "folder of the data")
	flags.Bool("http-enabled", false, "serve on HTTP")
	_ = flags.Parse(os.Args[1:])
	if err := run(*host, *passwordFile, filepath.Join(*data, "portainer.db")); err != nil {
		log.Fatalf("FTL %v", err)
	}
}

func run(host, passwordFile, database string) error {
	socket, isSocket := strings.CutPrefix(host, "unix://")
	if !isSocket {
		return errors.New("the environment is not a Unix socket, so that a wizard would ask for one")
	}
	engine := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
		return net.Dial("unix", socket)
	}}
	if response, err := (&http.Client{Transport: engine}).Get("http://engine/_ping"); err != nil {
		return fmt.Errorf("unable to reach the engine: %w", err)
	} else if err := response.Body.Close(); err != nil {
		return err
	}
	administrator, err := administrator(passwordFile, database)
	if err != nil {
		return err
	}
	token := rand.Text()
	proxy := &httputil.ReverseProxy{Transport: engine, Rewrite: func(r *httputil.ProxyRequest) {
		r.Out.URL.Scheme, r.Out.URL.Host = "http", "engine"
		r.Out.URL.Path = strings.TrimPrefix(r.In.URL.Path, "/api/endpoints/1/docker")
	}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "<title>Portainer</title>") })
	mux.HandleFunc("GET /api/system/status", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, `{"Version":"2.45.2"}`)
	})
	mux.HandleFunc("POST /api/auth", func(w http.ResponseWriter, r *http.Request) {
		var account struct{ Username, Password string }
		if err := json.NewDecoder(r.Body).Decode(&account); err != nil || account.Username != "admin" || hash(account.Password) != administrator {
			http.Error(w, `{"message":"Invalid credentials"}`, http.StatusUnprocessableEntity)
			return
		}
		fmt.Fprintf(w, `{"jwt":%q}`, token)
	})
	mux.HandleFunc("GET /api/endpoints/1/docker/", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+token {
			http.Error(w, `{"message":"A valid authorization token is missing"}`, http.StatusUnauthorized)
			return
		}
		proxy.ServeHTTP(w, r)
	})
	server := &http.Server{Addr: ":9000", Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	return server.ListenAndServe()
}

// administrator returns the hash of the password: the one in the database, or else that of the file. Portainer locks
// itself after five minutes without either.
func administrator(passwordFile, database string) (string, error) {
	if known, err := os.ReadFile(database); err == nil {
		return string(known), nil
	}
	password, err := os.ReadFile(passwordFile)
	if err != nil {
		return "", err
	}
	given := strings.TrimRight(string(password), "\r\n")
	if len(given) < minPasswordLength {
		return "", fmt.Errorf("the password of the administrator has fewer than %d characters", minPasswordLength)
	}
	return hash(given), os.WriteFile(database, []byte(hash(given)), 0o600)
}

func hash(password string) string {
	sum := sha256.Sum256([]byte(password))
	return hex.EncodeToString(sum[:])
}
