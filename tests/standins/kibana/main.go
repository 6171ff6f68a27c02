// Command kibana stands in for Kibana: it accepts the settings that Kibana has, has the same requirements at start, and
// keeps data views in memory.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	home         = "/usr/share/kibana"
	version      = "8.19"
	minKeyLength = 32
	askAgain     = time.Second
)

// Settings of Kibana 8.19 that a role might use. It refuses unknown ones.
var known = []string{
	"server.host", "server.name", "server.publicBaseUrl", "server.shutdownTimeout",
	"elasticsearch.hosts", "elasticsearch.username", "elasticsearch.password",
	"xpack.encryptedSavedObjects.encryptionKey", "xpack.reporting.encryptionKey", "xpack.security.encryptionKey",
	"xpack.fleet.isAirGapped", "status.allowAnonymous", "telemetry.optIn", "newsfeed.enabled",
	"map.includeElasticMapsService", "ops.cGroupOverrides.cpuPath", "ops.cGroupOverrides.cpuAcctPath",
}

type view map[string]any

type server struct {
	settings map[string]string
	mutex    sync.Mutex
	level    string
	views    map[string]view
}

func main() {
	log.SetFlags(0)
	if err := run(); err != nil {
		log.Fatalf("FATAL %v", err)
	}
}

func run() error {
	if os.Getuid() == 0 {
		return errors.New("it should not be run as root")
	}
	text, err := os.ReadFile(filepath.Join(home, "config/kibana.yml"))
	if err != nil {
		return err
	}
	settings := parse(string(text))
	if err := check(settings); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(home, "data/uuid"), nil, 0o600); err != nil {
		return err
	}
	s := &server{settings: settings, level: "unavailable", views: map[string]view{}}
	go s.connect()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "<title>Elastic</title>") })
	mux.HandleFunc("GET /api/status", s.status)
	mux.HandleFunc("GET /api/data_views/data_view/{id}", s.show)
	mux.HandleFunc("POST /api/data_views/data_view", s.create)
	host, isSet := settings["server.host"]
	if !isSet {
		host = "localhost"
	}
	listener := &http.Server{Addr: host + ":5601", Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	return listener.ListenAndServe()
}

// parse reads the YAML of a flat mapping with scalars and lists of one scalar.
func parse(text string) map[string]string {
	settings := map[string]string{}
	last := ""
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		if item, isItem := strings.CutPrefix(strings.TrimSpace(line), "- "); isItem {
			settings[last] = strings.Trim(item, `"'`)
		} else if key, value, isPair := strings.Cut(line, ":"); isPair && !strings.HasPrefix(line, "#") {
			last = key
			settings[key] = strings.Trim(strings.TrimSpace(value), `"'`)
		}
	}
	return settings
}

func check(settings map[string]string) error {
	var problems []error
	for name, value := range settings {
		if !slices.Contains(known, name) {
			problems = append(problems, fmt.Errorf("unknown configuration key: %q", name))
		}
		if strings.HasSuffix(name, "encryptionKey") && len(value) < minKeyLength {
			problems = append(problems, fmt.Errorf("[%s]: value has length [%d] but it must have a minimum length of [32]", name, len(value)))
		}
	}
	if settings["elasticsearch.username"] == "elastic" {
		problems = append(problems, errors.New(`[elasticsearch.username]: value of "elastic" is forbidden`))
	}
	return errors.Join(problems...)
}

// connect waits for an Elasticsearch of the same version.
func (s *server) connect() {
	for ; ; time.Sleep(askAgain) {
		found, err := s.elasticsearch()
		switch {
		case err != nil:
			log.Printf("ERROR Unable to retrieve version information from Elasticsearch nodes. %v", err)
		case !strings.HasPrefix(found, version+"."):
			log.Printf("ERROR This version of Kibana (v%s) is incompatible with the Elasticsearch node v%s", version, found)
		default:
			s.mutex.Lock()
			defer s.mutex.Unlock()
			s.level = "available"
			return
		}
	}
}

func (s *server) elasticsearch() (string, error) {
	address, err := url.Parse(s.settings["elasticsearch.hosts"] + "/_nodes?filter_path=nodes.*.version")
	if err != nil {
		return "", err
	}
	if user := s.settings["elasticsearch.username"]; user != "" {
		address.User = url.UserPassword(user, s.settings["elasticsearch.password"])
	}
	response, err := http.Get(address.String())
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	var found struct {
		Nodes map[string]struct{ Version string }
	}
	if err := json.NewDecoder(response.Body).Decode(&found); err != nil {
		return "", err
	}
	for _, node := range found.Nodes {
		return node.Version, nil
	}
	return "", errors.New(response.Status)
}

// status answers 503 until Elasticsearch is connected.
func (s *server) status(w http.ResponseWriter, _ *http.Request) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	code := http.StatusOK
	if s.level != "available" {
		code = http.StatusServiceUnavailable
	}
	answer(w, code, map[string]any{"status": map[string]any{"overall": map[string]string{"level": s.level}}})
}

func (s *server) show(w http.ResponseWriter, r *http.Request) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	found, exists := s.views[r.PathValue("id")]
	if !exists {
		refuse(w, http.StatusNotFound, "Saved object [index-pattern/"+r.PathValue("id")+"] not found")
		return
	}
	answer(w, http.StatusOK, map[string]view{"data_view": found})
}

func (s *server) create(w http.ResponseWriter, r *http.Request) {
	var body struct {
		View     view `json:"data_view"`
		Override bool `json:"override"`
	}
	if r.Header.Get("kbn-xsrf") == "" {
		refuse(w, http.StatusBadRequest, "Request must contain a kbn-xsrf header.")
		return
	}
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	key := fmt.Sprint(body.View["id"])
	if _, exists := s.views[key]; exists && !body.Override {
		refuse(w, http.StatusBadRequest, fmt.Sprintf("Duplicate data view: %v", body.View["title"]))
		return
	}
	s.views[key] = body.View
	answer(w, http.StatusOK, map[string]view{"data_view": body.View})
}

func refuse(w http.ResponseWriter, status int, message string) {
	answer(w, status, map[string]any{"statusCode": status, "error": http.StatusText(status), "message": message})
}

func answer(w http.ResponseWriter, status int, document any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(document); err != nil {
		log.Print(err)
	}
}
