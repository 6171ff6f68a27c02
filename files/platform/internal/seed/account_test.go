package seed

import (
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// token returns the token of an account, which must have one.
func token(t *testing.T, account *Account) string {
	t.Helper()
	text, err := account.Token(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestAccountLogsInOnce(t *testing.T) {
	p := newPlatform()
	admin := NewAccount(gatewayTo(t, p), adminEmail, adminPassword)
	if len(p.requests) > 0 {
		t.Errorf("sent %v before a token is needed", p.requests)
	}
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			if got, err := admin.Token(t.Context()); err != nil || got != "token-1" {
				t.Errorf("got %s and %v", got, err)
			}
		})
	}
	group.Wait()
	if p.logins != 1 {
		t.Errorf("logged in %d times", p.logins)
	}
}

func TestAccountRenewsItsTokenBeforeItExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform()
		admin := NewAccount(gatewayTo(t, p), adminEmail, adminPassword)
		first := token(t, admin)
		time.Sleep(900*time.Second - renewal - time.Millisecond)
		if got := token(t, admin); got != first {
			t.Errorf("%s is renewed too early", first)
		}
		time.Sleep(time.Millisecond)
		second := token(t, admin)
		if second == first {
			t.Errorf("%s is not renewed", first)
		}
		time.Sleep(10 * time.Minute)
		if got := token(t, admin); got != second || p.logins != 2 {
			t.Errorf("got %s after %d logins, want %s after 2", got, p.logins, second)
		}
	})
}

func TestAccountNamesARefusedPassword(t *testing.T) {
	p := newPlatform()
	_, err := NewAccount(gatewayTo(t, p), adminEmail, "wrong").Token(t.Context())
	checkError(t, err, "the platform does not accept the password of "+adminEmail+": POST http://gateway.example:8080"+
		"/api/v1/auth/login: HTTP 401: email or password is wrong; request id r-1")
}

func TestAccountReportsOtherErrorsAsTheyAre(t *testing.T) {
	gateway := gatewayTo(t, &script{responses: []response{{status: http.StatusInternalServerError}}})
	_, err := NewAccount(gateway, adminEmail, adminPassword).Token(t.Context())
	want := "POST http://gateway.example:8080/api/v1/auth/login: HTTP 500: busy"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestAccountLogsOut(t *testing.T) {
	p := newPlatform()
	admin := NewAccount(gatewayTo(t, p), adminEmail, adminPassword)
	admin.Close(t.Context())
	if len(p.requests) > 0 {
		t.Errorf("sent %v without a login", p.requests)
	}
	token(t, admin)
	admin.Close(t.Context())
	admin.Close(t.Context())
	want := []string{"POST /api/v1/auth/login", "POST /api/v1/auth/logout"}
	if !slices.Equal(p.requests, want) || len(p.sessions) > 0 {
		t.Errorf("sent %v, left %v", p.requests, p.sessions)
	}
	if got := token(t, admin); got != "token-2" {
		t.Errorf("uses %s after the logout", got)
	}
}
