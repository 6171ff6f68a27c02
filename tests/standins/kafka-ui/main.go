// Command kafka-ui stands in for Java with Kafka UI: it accepts the options of Java and the variables of Kafka UI that are
// known, has the same requirements at start, and lists the topics of the brokers.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

var (
	// What Java accepts, as far as a role might use it.
	javaOption = regexp.MustCompile(`^(-Xm[sx]\d+[kmg]|-XX:[+-](UseSerialGC|UseG1GC|ExitOnOutOfMemoryError)|-XX:TieredStopAtLevel=[0-4]|-D.+)$`)
	// Names below kafka.clusters[0], as Spring's relaxed binding spells them. It ignores others.
	clusterKey = regexp.MustCompile(`^KAFKA_CLUSTERS_0_(NAME|BOOTSTRAPSERVERS|READONLY|SCHEMAREGISTRY|PROPERTIES_.+|METRICS_.+)$`)
	// Prefixes of variables that configure Kafka UI.
	prefixes = []string{"KAFKA_", "DYNAMIC_", "AUTH_", "SPRING_", "SERVER_", "MANAGEMENT_"}
)

func main() {
	log.SetFlags(0)
	if err := run(os.Args[1:]); err != nil {
		log.Fatalf("Application run failed: %v", err)
	}
}

func run(arguments []string) error {
	if err := errors.Join(checkOptions(arguments), checkVariables(), checkTemporaryFolder()); err != nil {
		return err
	}
	if os.Getuid() == 0 {
		return errors.New("the image's user is kafkaui, not root")
	}
	name, brokers := os.Getenv("KAFKA_CLUSTERS_0_NAME"), os.Getenv("KAFKA_CLUSTERS_0_BOOTSTRAPSERVERS")
	if name == "" || brokers == "" {
		return errors.New("a cluster needs a name and bootstrapServers")
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /actuator/health", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, map[string]string{"status": "UP"})
	})
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "<title>UI for Apache Kafka</title>") })
	mux.HandleFunc("GET /api/clusters", func(w http.ResponseWriter, _ *http.Request) {
		status := "online"
		if _, err := topics(brokers); err != nil {
			log.Printf("ERROR %v", err)
			status = "offline"
		}
		answer(w, []map[string]string{{"name": name, "status": status}})
	})
	mux.HandleFunc("GET /api/clusters/{name}/topics", func(w http.ResponseWriter, r *http.Request) {
		found, err := topics(brokers)
		if err != nil || r.PathValue("name") != name {
			http.Error(w, fmt.Sprintf("cluster %s: %v", r.PathValue("name"), err), http.StatusNotFound)
			return
		}
		named := []map[string]string{}
		for _, topic := range found {
			named = append(named, map[string]string{"name": topic})
		}
		answer(w, map[string]any{"pageCount": 1, "topics": named})
	})
	server := &http.Server{Addr: ":8080", Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	return server.ListenAndServe()
}

func checkOptions(arguments []string) error {
	for at := 0; at < len(arguments); at++ {
		switch option := arguments[at]; {
		case option == "--add-opens":
			at++
		case option == "-jar" && at+2 == len(arguments):
			_, err := os.Stat(arguments[at+1])
			return err
		case !javaOption.MatchString(option):
			return fmt.Errorf("unrecognized option: %s", option)
		}
	}
	return errors.New("no jar file")
}

func checkVariables() error {
	for _, variable := range os.Environ() {
		name, value, _ := strings.Cut(variable, "=")
		if !slices.ContainsFunc(prefixes, func(prefix string) bool { return strings.HasPrefix(name, prefix) }) {
			continue
		}
		if name == "DYNAMIC_CONFIG_ENABLED" && (value == "true" || value == "false") {
			continue
		}
		if !clusterKey.MatchString(name) {
			return fmt.Errorf("the variable %s has no effect on Kafka UI", name)
		}
	}
	return nil
}

// checkTemporaryFolder executes a file there, as Java loads the libraries for compressed messages.
func checkTemporaryFolder() error {
	program, err := os.ReadFile("/bin/true")
	if err != nil {
		return err
	}
	library := filepath.Join(os.TempDir(), "library")
	if err := os.WriteFile(library, program, 0o700); err != nil {
		return err
	}
	return exec.Command(library).Run()
}

func answer(w http.ResponseWriter, document any) {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(document); err != nil {
		log.Print(err)
	}
}
