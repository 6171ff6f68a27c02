// Command mailer is one binary with two roles, selected by its first argument: `mailer web -port N` serves a page, and
// `mailer sweep -every D` is a background job without a port.
package main

import (
	"embed"
	"flag"
	"fmt"
	"html/template"
	"log"
	"net/http"
	"os"
	"time"

	"second.example/greet"
)

//go:embed templates/*.html
var pages embed.FS

func main() {
	if len(os.Args) < 2 {
		log.Fatal("usage: mailer web|sweep")
	}
	flags := flag.NewFlagSet(os.Args[1], flag.ExitOnError)
	port := flags.Int("port", 3000, "port to listen on")
	every := flags.Duration("every", time.Second, "how often to sweep")
	if err := flags.Parse(os.Args[2:]); err != nil {
		log.Fatal(err)
	}
	switch os.Args[1] {
	case "web":
		log.Fatal(web(*port))
	case "sweep":
		sweep(*every)
	default:
		log.Fatalf("mailer: unknown role %s", os.Args[1])
	}
}

func web(port int) error {
	page, err := template.ParseFS(pages, "templates/page.html")
	if err != nil {
		return err
	}
	http.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		if err := page.Execute(w, map[string]string{"Word": greet.Word, "Region": os.Getenv("REGION")}); err != nil {
			log.Print(err)
		}
	})
	http.HandleFunc("/status/alive", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "alive") })
	log.Printf("mailer: web on port %d", port)
	return http.ListenAndServe(fmt.Sprintf(":%d", port), nil)
}

func sweep(every time.Duration) {
	for range time.Tick(every) {
		log.Print("mailer: swept, ", greet.Word)
	}
}
