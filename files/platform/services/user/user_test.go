package user

import (
	"net/http/httptest"
	"strings"
	"testing"

	"cloudlab.example/platform/internal/auth"
	"cloudlab.example/platform/internal/httpx"
)

func TestScopeOf(t *testing.T) {
	for permission, want := range map[string]scope{auth.UsersManage: "t1", auth.UsersRead: everyTenant, auth.PlatformAdmin: everyTenant} {
		if got := scopeOf(auth.Claims{Tenant: "t1", Permissions: []string{permission}}); got != want {
			t.Errorf("%s: %q, want %q", permission, got, want)
		}
	}
}

func TestChangeValidate(t *testing.T) {
	text := func(s string) *string { return &s }
	for _, test := range []struct {
		c  change
		ok bool
	}{
		{change{}, true},
		{change{Name: text("Ada"), Locale: text("de-CH")}, true},
		{change{Name: text("")}, false},
		{change{Locale: text("German")}, false},
		{change{Phone: text(strings.Repeat("1", 41))}, false},
	} {
		if err := test.c.Validate(); (err == nil) != test.ok {
			t.Errorf("%+v: %v", test.c, err)
		}
	}
}

func TestAnonymousAndServices(t *testing.T) {
	mux := &httpx.Mux{}
	(&Service{}).routes(mux)
	recorder := httptest.NewRecorder()
	mux.ServeHTTP(recorder, httptest.NewRequest("GET", "/api/v1/users/me", nil))
	if recorder.Code != 401 {
		t.Errorf("anonymous: %d", recorder.Code)
	}
	r := httptest.NewRequest("GET", "/api/v1/users/me", nil)
	service := auth.Claims{}
	service.Subject = "order"
	recorder = httptest.NewRecorder()
	mux.ServeHTTP(recorder, r.WithContext(auth.WithClaims(r.Context(), service)))
	if recorder.Code != 403 {
		t.Errorf("a service: %d", recorder.Code)
	}
}
