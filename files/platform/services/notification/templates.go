package notification

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"strings"
	"text/template"

	"github.com/google/uuid"

	"cloudlab.example/platform/internal/fault"
	"cloudlab.example/platform/internal/kafka"
)

//go:embed templates/*.txt
var files embed.FS

// templates are named after the events they are for. The first line is the title.
var templates = template.Must(template.New("").Funcs(template.FuncMap{"money": money}).
	Option("missingkey=error").ParseFS(files, "templates/*.txt"))

// message is what a person reads.
type message struct {
	ID    uuid.UUID // of the event
	Title string
	Body  string
}

// render makes the message of an event; ok is false for events nobody is told of.
func render(event kafka.Event) (m message, ok bool, err error) {
	found := templates.Lookup(event.Type + ".txt")
	if found == nil {
		return m, false, nil
	}
	var data map[string]any
	decoder := json.NewDecoder(bytes.NewReader(event.Data))
	decoder.UseNumber()
	if err := decoder.Decode(&data); err != nil {
		return m, true, fault.Wrap(fault.Invalid, err, "data of %s", event)
	}
	var text strings.Builder
	if err := found.Execute(&text, data); err != nil {
		return m, true, fault.Wrap(fault.Invalid, err, "template of %s", event)
	}
	title, body, _ := strings.Cut(text.String(), "\n")
	return message{event.ID, title, strings.TrimSpace(body)}, true, nil
}

// money prints an amount in the smallest unit, such as 1999 and EUR, as 19.99 EUR.
func money(amount json.Number, currency any) (string, error) {
	cents, err := amount.Int64()
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%d.%02d %v", cents/100, cents%100, currency), nil
}
