// Command worker has its main package at the root of its module, a build tag, and unusual variable names.
package main

import (
	"fmt"
	"net/http"
	"os"
)

func main() {
	http.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, "%s, %s, %s\n", edition, os.Getenv("worker.upstream"), os.Getenv("SETTINGS"))
	})
	if err := http.ListenAndServe(os.Getenv("ADDR"), nil); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
