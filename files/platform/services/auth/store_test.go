//go:build integration

package auth

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"cloudlab.example/platform/internal/auth"
	"cloudlab.example/platform/internal/config"
	"cloudlab.example/platform/internal/httpx"
	"cloudlab.example/platform/internal/outbox/outboxtest"
)

// fixture is the service with a real database and the same middleware as in an app.
type fixture struct {
	t       *testing.T
	service *Service
	handler http.Handler
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	pool, events := outboxtest.New(t, migrations)
	cfg := Config{
		AccessTTL: time.Minute, SessionTTL: time.Hour, Clients: map[string]config.Secret{"order": "s3"},
		PublicClients: map[string]string{"web": "http://localhost/callback"}, AdminEmail: "root@example.org", AdminPassword: "administrator",
		Tokens: config.Tokens{Issuer: "iss", Audience: "aud"},
	}
	s := newService(cfg, pool, events, newMemoryStore())
	for _, init := range []func(context.Context) error{s.keys.load, s.ensureAdmin, s.ensureAdmin} {
		if err := init(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	mux := &httpx.Mux{}
	s.routes(mux)
	s.oauthRoutes(mux)
	return &fixture{t, s, auth.NewVerifier(s.keys, "iss", "aud").Middleware(mux)}
}

func (f *fixture) do(method, path, body, token string, status int) map[string]any {
	f.t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	if strings.HasPrefix(path, "/oauth2") {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if token != "" {
		r.Header.Set("Authorization", token)
	}
	recorder := httptest.NewRecorder()
	f.handler.ServeHTTP(recorder, r)
	if recorder.Code != status {
		f.t.Fatalf("%s %s: %d %s, want %d", method, path, recorder.Code, recorder.Body, status)
	}
	response := map[string]any{"location": recorder.Header().Get("Location")}
	_ = json.Unmarshal(recorder.Body.Bytes(), &response)
	return response
}

func (f *fixture) login(email, password string) string {
	f.t.Helper()
	response := f.do("POST", "/api/v1/auth/login", `{"email":"`+email+`","password":"`+password+`"}`, "", 200)
	return "Bearer " + response["access_token"].(string)
}

func TestRegisterLoginAndRoles(t *testing.T) {
	f := newFixture(t)
	person := `{"email":"Ada@example.org","password":"correct horse","name":"Ada"}`
	created := f.do("POST", "/api/v1/auth/register", person, "", 201)
	f.do("POST", "/api/v1/auth/register", person, "", 409)
	f.do("POST", "/api/v1/auth/login", `{"email":"ada@example.org","password":"wrong password"}`, "", 401)
	f.do("POST", "/api/v1/auth/login", `{"email":"nobody@example.org","password":"wrong password"}`, "", 401)
	ada, admin := f.login("ada@example.org", "correct horse"), f.login("root@example.org", "administrator")
	roles := "/api/v1/auth/users/" + created["id"].(string) + "/roles"
	f.do("PUT", roles, `{"roles":["owner"]}`, ada, 403)
	f.do("PUT", roles, `{"roles":["nonsense"]}`, admin, 404)
	f.do("PUT", roles, `{"roles":["owner"]}`, admin, 200)
	me := f.do("GET", "/api/v1/auth/me", "", f.login("ada@example.org", "correct horse"), 200)
	if permissions := me["permissions"].([]any); len(permissions) < 3 {
		t.Errorf("permissions %v", permissions)
	}
	f.do("POST", "/api/v1/auth/logout", "", ada, 204)
	f.do("GET", "/api/v1/auth/me", "", ada, 401)
}

func TestInvitation(t *testing.T) {
	f := newFixture(t)
	f.do("POST", "/api/v1/auth/register", `{"email":"o@x.org","password":"correct horse","name":"O","tenant":"shop"}`, "", 201)
	f.do("POST", "/api/v1/auth/register", `{"email":"p@x.org","password":"correct horse","name":"P","tenant":"shop"}`, "", 409)
	owner := f.login("o@x.org", "correct horse")
	code := f.do("POST", "/api/v1/auth/invitations", `{"email":"p@x.org"}`, owner, 201)["invitation"].(string)
	f.do("POST", "/api/v1/auth/register", `{"email":"q@x.org","password":"correct horse","name":"Q","invitation":"`+code+`"}`, "", 403)
	joined := f.do("POST", "/api/v1/auth/register", `{"email":"p@x.org","password":"correct horse","name":"P","invitation":"`+code+`"}`, "", 201)
	if joined["tenant"] != "shop" {
		t.Errorf("joined %v", joined["tenant"])
	}
	f.do("GET", "/api/v1/auth/me", "", "Bearer "+code, 401) // an invitation is no access token
}

func TestOAuth(t *testing.T) {
	f := newFixture(t)
	f.do("POST", "/oauth2/token", "grant_type=client_credentials&client_id=order&client_secret=bad", "", 401)
	machine := f.do("POST", "/oauth2/token", "grant_type=client_credentials&client_id=order&client_secret=s3", "", 200)
	if machine["refresh_token"] != nil || !strings.Contains(machine["scope"].(string), auth.PaymentsCharge) {
		t.Errorf("%v", machine)
	}
	f.do("POST", "/oauth2/token", "grant_type=password", "", 400)

	admin := f.login("root@example.org", "administrator")
	verifier := strings.Repeat("v", 50)
	query := url.Values{
		"response_type": {"code"}, "client_id": {"web"}, "redirect_uri": {"http://localhost/callback"},
		"code_challenge": {challenge(verifier)}, "code_challenge_method": {"S256"}, "state": {"s"},
	}
	f.do("GET", "/oauth2/authorize?"+query.Encode(), "", "", 401)
	code := func() string {
		response, err := url.Parse(f.do("GET", "/oauth2/authorize?"+query.Encode(), "", admin, 302)["location"].(string))
		if err != nil || response.Query().Get("state") != "s" {
			t.Fatalf("%v, %v", response, err)
		}
		return response.Query().Get("code")
	}
	exchange := func(code, verifier string) string {
		return url.Values{
			"grant_type": {"authorization_code"}, "code": {code}, "client_id": {"web"},
			"redirect_uri": {"http://localhost/callback"}, "code_verifier": {verifier},
		}.Encode()
	}
	stolen := code()
	f.do("POST", "/oauth2/token", exchange(stolen, "wrong"), "", 400)
	f.do("POST", "/oauth2/token", exchange(stolen, verifier), "", 400) // a failed attempt uses the code up
	given := f.do("POST", "/oauth2/token", exchange(code(), verifier), "", 200)
	access, refresh := given["access_token"].(string), given["refresh_token"].(string)
	question := "client_id=order&client_secret=s3&token=" + access
	if response := f.do("POST", "/oauth2/introspect", question, "", 200); response["active"] != true {
		t.Errorf("%v", response)
	}
	f.do("POST", "/oauth2/revoke", "token="+refresh, "", 200)
	if response := f.do("POST", "/oauth2/introspect", question, "", 200); response["active"] != false {
		t.Errorf("revoked: %v", response)
	}
	query.Set("redirect_uri", "http://evil.example")
	f.do("GET", "/oauth2/authorize?"+query.Encode(), "", admin, 422)
}

func TestKeyRotation(t *testing.T) {
	f := newFixture(t)
	admin := f.login("root@example.org", "administrator")
	before := f.service.keys.signer().id
	set := f.do("POST", "/api/v1/auth/keys/rotate", "", admin, 200)
	if keys := set["keys"].([]any); len(keys) != 2 {
		t.Errorf("%d keys", len(keys))
	}
	if f.service.keys.signer().id != before {
		t.Error("a new key signs before verifiers can have loaded it")
	}
	f.do("GET", "/api/v1/auth/me", "", admin, 200)
	if err := f.service.keys.load(t.Context()); err != nil || f.service.keys.count() != 2 {
		t.Errorf("after a restart: %d keys, %v", f.service.keys.count(), err)
	}
}
