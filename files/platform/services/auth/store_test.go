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
	"cloudlab.example/platform/internal/outbox"
	"cloudlab.example/platform/internal/pg"
	"cloudlab.example/platform/internal/pg/pgtest"
)

// world is the service on a real database, behind the same middleware as in an app.
type world struct {
	t       *testing.T
	service *Service
	handler http.Handler
}

func newWorld(t *testing.T) *world {
	t.Helper()
	pool := pgtest.New(t, outbox.Migrations, pg.Migrations{Files: migrations})
	cfg := Config{
		AccessTTL: time.Minute, SessionTTL: time.Hour, Clients: map[string]config.Secret{"order": "s3"},
		PublicClients: map[string]string{"web": "http://localhost/callback"}, AdminEmail: "root@example.org", AdminPassword: "administrator",
		Tokens: config.Tokens{Issuer: "iss", Audience: "aud"},
	}
	s := newService(cfg, pool, outbox.NewDetached(pool), newMemory())
	for _, init := range []func(context.Context) error{s.keys.load, s.ensureAdmin, s.ensureAdmin} {
		if err := init(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	mux := &httpx.Mux{}
	s.routes(mux)
	s.oauthRoutes(mux)
	return &world{t, s, auth.NewVerifier(s.keys, "iss", "aud").Middleware(mux)}
}

func (w *world) do(method, path, body, token string, status int) map[string]any {
	w.t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	if strings.HasPrefix(path, "/oauth2") {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if token != "" {
		r.Header.Set("Authorization", token)
	}
	recorder := httptest.NewRecorder()
	w.handler.ServeHTTP(recorder, r)
	if recorder.Code != status {
		w.t.Fatalf("%s %s: %d %s, want %d", method, path, recorder.Code, recorder.Body, status)
	}
	answer := map[string]any{"location": recorder.Header().Get("Location")}
	_ = json.Unmarshal(recorder.Body.Bytes(), &answer)
	return answer
}

func (w *world) login(email, password string) string {
	w.t.Helper()
	answer := w.do("POST", "/api/v1/auth/login", `{"email":"`+email+`","password":"`+password+`"}`, "", 200)
	return "Bearer " + answer["access_token"].(string)
}

func TestRegisterLoginAndRoles(t *testing.T) {
	w := newWorld(t)
	person := `{"email":"Ada@example.org","password":"correct horse","name":"Ada"}`
	created := w.do("POST", "/api/v1/auth/register", person, "", 201)
	w.do("POST", "/api/v1/auth/register", person, "", 409)
	w.do("POST", "/api/v1/auth/login", `{"email":"ada@example.org","password":"wrong password"}`, "", 401)
	w.do("POST", "/api/v1/auth/login", `{"email":"nobody@example.org","password":"wrong password"}`, "", 401)
	ada, admin := w.login("ada@example.org", "correct horse"), w.login("root@example.org", "administrator")
	roles := "/api/v1/auth/users/" + created["id"].(string) + "/roles"
	w.do("PUT", roles, `{"roles":["owner"]}`, ada, 403)
	w.do("PUT", roles, `{"roles":["nonsense"]}`, admin, 404)
	w.do("PUT", roles, `{"roles":["owner"]}`, admin, 200)
	me := w.do("GET", "/api/v1/auth/me", "", w.login("ada@example.org", "correct horse"), 200)
	if permissions := me["permissions"].([]any); len(permissions) < 3 {
		t.Errorf("permissions %v", permissions)
	}
	w.do("POST", "/api/v1/auth/logout", "", ada, 204)
	w.do("GET", "/api/v1/auth/me", "", ada, 401)
}

func TestTenantsAreJoinedByInvitation(t *testing.T) {
	w := newWorld(t)
	w.do("POST", "/api/v1/auth/register", `{"email":"o@x.org","password":"correct horse","name":"O","tenant":"shop"}`, "", 201)
	w.do("POST", "/api/v1/auth/register", `{"email":"p@x.org","password":"correct horse","name":"P","tenant":"shop"}`, "", 409)
	owner := w.login("o@x.org", "correct horse")
	code := w.do("POST", "/api/v1/auth/invitations", `{"email":"p@x.org"}`, owner, 201)["invitation"].(string)
	w.do("POST", "/api/v1/auth/register", `{"email":"q@x.org","password":"correct horse","name":"Q","invitation":"`+code+`"}`, "", 403)
	joined := w.do("POST", "/api/v1/auth/register", `{"email":"p@x.org","password":"correct horse","name":"P","invitation":"`+code+`"}`, "", 201)
	if joined["tenant"] != "shop" {
		t.Errorf("joined %v", joined["tenant"])
	}
	w.do("GET", "/api/v1/auth/me", "", "Bearer "+code, 401) // an invitation is no access token
}

func TestOAuth(t *testing.T) {
	w := newWorld(t)
	w.do("POST", "/oauth2/token", "grant_type=client_credentials&client_id=order&client_secret=bad", "", 401)
	machine := w.do("POST", "/oauth2/token", "grant_type=client_credentials&client_id=order&client_secret=s3", "", 200)
	if machine["refresh_token"] != nil || !strings.Contains(machine["scope"].(string), auth.PaymentsCharge) {
		t.Errorf("%v", machine)
	}
	w.do("POST", "/oauth2/token", "grant_type=password", "", 400)

	admin := w.login("root@example.org", "administrator")
	verifier := strings.Repeat("v", 50)
	query := url.Values{
		"response_type": {"code"}, "client_id": {"web"}, "redirect_uri": {"http://localhost/callback"},
		"code_challenge": {challenge(verifier)}, "code_challenge_method": {"S256"}, "state": {"s"},
	}
	w.do("GET", "/oauth2/authorize?"+query.Encode(), "", "", 401)
	code := func() string {
		answer, err := url.Parse(w.do("GET", "/oauth2/authorize?"+query.Encode(), "", admin, 302)["location"].(string))
		if err != nil || answer.Query().Get("state") != "s" {
			t.Fatalf("%v, %v", answer, err)
		}
		return answer.Query().Get("code")
	}
	exchange := func(code, verifier string) string {
		return url.Values{
			"grant_type": {"authorization_code"}, "code": {code}, "client_id": {"web"},
			"redirect_uri": {"http://localhost/callback"}, "code_verifier": {verifier},
		}.Encode()
	}
	stolen := code()
	w.do("POST", "/oauth2/token", exchange(stolen, "wrong"), "", 400)
	w.do("POST", "/oauth2/token", exchange(stolen, verifier), "", 400) // a failed attempt uses the code up
	given := w.do("POST", "/oauth2/token", exchange(code(), verifier), "", 200)
	access, refresh := given["access_token"].(string), given["refresh_token"].(string)
	question := "client_id=order&client_secret=s3&token=" + access
	if answer := w.do("POST", "/oauth2/introspect", question, "", 200); answer["active"] != true {
		t.Errorf("%v", answer)
	}
	w.do("POST", "/oauth2/revoke", "token="+refresh, "", 200)
	if answer := w.do("POST", "/oauth2/introspect", question, "", 200); answer["active"] != false {
		t.Errorf("revoked: %v", answer)
	}
	query.Set("redirect_uri", "http://evil.example")
	w.do("GET", "/oauth2/authorize?"+query.Encode(), "", admin, 422)
}

func TestKeyRotation(t *testing.T) {
	w := newWorld(t)
	admin := w.login("root@example.org", "administrator")
	before := w.service.keys.signer().id
	set := w.do("POST", "/api/v1/auth/keys/rotate", "", admin, 200)
	if keys := set["keys"].([]any); len(keys) != 2 {
		t.Errorf("%d keys", len(keys))
	}
	if w.service.keys.signer().id != before {
		t.Error("a new key signs before the verifiers can know it")
	}
	w.do("GET", "/api/v1/auth/me", "", admin, 200)
	if err := w.service.keys.load(t.Context()); err != nil || w.service.keys.count() != 2 {
		t.Errorf("a restart: %d keys, %v", w.service.keys.count(), err)
	}
}
