package config

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

func TestLoadNamesMissingVariables(t *testing.T) {
	t.Setenv("DATABASE_URL", "")
	type needs struct {
		Postgres
		Client
	}
	_, err := Load[needs]()
	if err == nil {
		t.Fatal("no error without the required variables")
	}
	for _, name := range []string{"AUTH_CLIENT_ID", "AUTH_CLIENT_SECRET"} {
		if !strings.Contains(err.Error(), name) {
			t.Errorf("error %q does not name %s", err, name)
		}
	}
}

func TestSecretsAreNotPrinted(t *testing.T) {
	t.Setenv("DATABASE_URL", "postgres://u:hunter2@db/x")
	cfg, err := Load[Postgres]()
	if err != nil {
		t.Fatal(err)
	}
	if cfg.URL.Reveal() != "postgres://u:hunter2@db/x" {
		t.Fatalf("Reveal = %q", cfg.URL.Reveal())
	}
	encoded, err := json.Marshal(cfg)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{string(encoded), fmt.Sprintf("%v %+v %s", cfg, cfg, cfg.URL)} {
		if strings.Contains(text, "hunter2") {
			t.Errorf("secret in %q", text)
		}
	}
}
