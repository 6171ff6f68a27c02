package seed

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"cloudlab.example/platform/internal/config"
)

// run serves a platform and runs the seeding as the command does; it returns also what the seeding reports.
func (p *platform) run(ctx context.Context, t *testing.T, change func(*Config)) (Result, string, error) {
	t.Helper()
	server := httptest.NewServer(p)
	defer server.Close()
	cfg := Config{
		GatewayURL: server.URL, Size: "small", UserPassword: userPassword, Concurrency: 4,
		Recipe: filepath.Join(t.TempDir(), "seed.yml"), AdminEmail: adminEmail, AdminPassword: adminPassword,
	}
	if err := os.WriteFile(cfg.Recipe, []byte(testRecipe), 0o600); err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(&cfg)
	}
	var lines strings.Builder
	result, err := Run(ctx, cfg, func(format string, args ...any) { fmt.Fprintf(&lines, format+"\n", args...) })
	return result, lines.String(), err
}

func TestRunReportsWhatItCreated(t *testing.T) {
	p := newPlatform()
	result, lines, err := p.run(t.Context(), t, nil)
	if err != nil {
		t.Fatal(err)
	}
	content := makeTest(t, "small")
	made := Compare(content, Holdings{
		Categories: map[string]bool{"home": true}, Warehouses: map[string]bool{"main": true},
	}).Counts()
	want := Result{
		Changed: true, Size: "small", Content: content.Totals(), Made: made, Outcomes: result.Outcomes, Warnings: []string{},
	}
	if !reflect.DeepEqual(result, want) {
		t.Errorf("got %+v, want %+v", result, want)
	}
	if !reflect.DeepEqual(p.state(), seeded(t, "small").state()) {
		t.Errorf("created %+v", p.state())
	}
	for _, want := range []string{
		"6 products are in the catalogue and in stock (",
		"Created: 2 categories, 1 warehouses, 4 users, 6 products,",
		fmt.Sprintf("Orders: %d cancelled, %d confirmed.", result.Outcomes["cancelled"], result.Outcomes["confirmed"]),
	} {
		if !strings.Contains(lines, want) {
			t.Errorf("%q is not reported:\n%s", want, lines)
		}
	}
	result, lines, err = p.run(t.Context(), t, nil)
	want.Changed, want.Made, want.Outcomes = false, Made{}, map[string]int{}
	if err != nil || !reflect.DeepEqual(result, want) {
		t.Errorf("second run: got %+v and %v, want %+v", result, err, want)
	}
	if want := "Everything exists; nothing was created."; !strings.Contains(lines, want) {
		t.Errorf("%q is not reported:\n%s", want, lines)
	}
	if len(p.sessions) > 0 {
		t.Errorf("sessions are left: %v", p.sessions)
	}
}

func TestDryRunOnlyReads(t *testing.T) {
	dry := func(cfg *Config) { cfg.DryRun = true }
	p := newPlatform()
	result, lines, err := p.run(t.Context(), t, dry)
	if err != nil || len(p.writes()) > 0 {
		t.Errorf("error %v, sent %v", err, p.writes())
	}
	want := "Would create: 2 categories, 1 warehouses, 4 users, 6 products,"
	if !result.Changed || result.Made.Orders != 9 || len(result.Outcomes) > 0 || !strings.Contains(lines, want) {
		t.Errorf("got %+v:\n%s", result, lines)
	}
	if len(p.sessions) > 0 {
		t.Errorf("sessions are left: %v", p.sessions)
	}
	created, _, err := p.run(t.Context(), t, nil)
	if err != nil || created.Made != result.Made {
		t.Errorf("created %+v, announced %+v, error %v", created.Made, result.Made, err)
	}
	p.requests = nil
	result, _, err = p.run(t.Context(), t, dry)
	if err != nil || result.Changed || len(p.writes()) > 0 {
		t.Errorf("got %+v and %v, sent %v", result, err, p.writes())
	}
}

func TestRunCountsOnlyWhatItCreated(t *testing.T) {
	p := seeded(t, "small")
	p.hidden = true
	result, _, err := p.run(t.Context(), t, nil)
	if err != nil || result.Changed || result.Made != (Made{}) {
		t.Errorf("got %+v and %v", result, err)
	}
}

func TestResultIsAnObjectWithTheKeysOfThePlaybook(t *testing.T) {
	result, _, err := newPlatform().run(t.Context(), t, nil)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(result)
	if err != nil {
		t.Fatal(err)
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(text, &object); err != nil {
		t.Fatal(err)
	}
	want := []string{"changed", "content", "made", "outcomes", "size", "waits", "warnings"}
	if got := slices.Sorted(maps.Keys(object)); !slices.Equal(got, want) || string(object["warnings"]) != "[]" {
		t.Errorf("got %s", text)
	}
}

func TestLateSearchIsAWarning(t *testing.T) {
	p := newPlatform()
	p.intercept = func(_ *http.Request, next func()) {
		p.unindexed = len(p.products)
		next()
	}
	result, _, err := p.run(t.Context(), t, nil)
	if want := []string{"search finds 0 of 6 products after 0s."}; err != nil || !slices.Equal(result.Warnings, want) {
		t.Errorf("got %q and %v, want %q", result.Warnings, err, want)
	}
}

func TestFailedRunSaysThatTheNextOneContinues(t *testing.T) {
	p := newPlatform()
	p.intercept = func(r *http.Request, next func()) {
		if r.Method == http.MethodPost && r.URL.Path == "/api/v1/products" {
			r.URL.Path = "/broken"
		}
		next()
	}
	_, _, err := p.run(t.Context(), t, nil)
	checkError(t, err, "/api/v1/products: HTTP 404: 404 page not found")
	checkError(t, err, "\nWhat was created stays; the next run continues from there")
	if len(p.accounts) != 5 || len(p.orders) > 0 || len(p.sessions) > 0 {
		t.Errorf("left %d accounts, %d orders, sessions %v", len(p.accounts), len(p.orders), p.sessions)
	}
}

func TestCancelledRunIsContinued(t *testing.T) {
	p := newPlatform()
	ctx, cancel := context.WithCancel(t.Context())
	p.intercept = func(_ *http.Request, next func()) {
		next()
		if len(p.orders) == 3 {
			cancel()
		}
	}
	if _, _, err := p.run(ctx, t, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
	if len(p.orders) == 9 {
		t.Error("the run did not stop")
	}
	for _, email := range p.sessions {
		if email == adminEmail {
			t.Error("the administrator's session is left")
		}
	}
	if _, _, err := p.run(t.Context(), t, nil); err != nil || !reflect.DeepEqual(p.state(), seeded(t, "small").state()) {
		t.Errorf("error %v, got %+v", err, p.state())
	}
}

func TestRunRejectsWhatItCannotUse(t *testing.T) {
	for _, test := range []struct {
		name, want string
		change     func(*Config)
	}{
		{"recipe", "no such file or directory", func(cfg *Config) { cfg.Recipe += ".old" }},
		{"size", "unknown size \"huge\"", func(cfg *Config) { cfg.Size = "huge" }},
		{"address", "the address of the gateway is \"gateway\"", func(cfg *Config) { cfg.GatewayURL = "gateway" }},
		{"password", "does not accept the password of admin@shop.example", func(cfg *Config) {
			cfg.AdminPassword = config.Secret("wrong")
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := newPlatform()
			_, lines, err := p.run(t.Context(), t, test.change)
			checkError(t, err, test.want)
			if len(p.writes()) > 0 || lines != "" {
				t.Errorf("sent %v, reported %s", p.writes(), lines)
			}
		})
	}
}
