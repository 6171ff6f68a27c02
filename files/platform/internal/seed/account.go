package seed

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"
)

// renewal is how long before its end a token is renewed.
const renewal = time.Minute

// Account is a login at the platform. It logs in when a token is first needed. It is safe for concurrent use.
type Account struct {
	email, password string
	gateway         *Gateway

	mu      sync.Mutex
	token   string
	expires time.Time
}

// NewAccount returns the account of an email address.
func NewAccount(gateway *Gateway, email, password string) *Account {
	return &Account{email: email, password: password, gateway: gateway}
}

// Token returns a valid access token.
func (a *Account) Token(ctx context.Context) (string, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.token != "" && time.Now().Before(a.expires) {
		return a.token, nil
	}
	var answer struct {
		AccessToken string  `json:"access_token"`
		ExpiresIn   float64 `json:"expires_in"`
	}
	body := map[string]string{"email": a.email, "password": a.password}
	_, err := a.gateway.call(ctx, request{method: http.MethodPost, path: "/api/v1/auth/login", body: body}, &answer)
	var refused *RefusedError
	if errors.As(err, &refused) && refused.Status == http.StatusUnauthorized {
		return "", fmt.Errorf("the platform does not accept the password of %s: %w", a.email, err)
	}
	if err != nil {
		return "", err
	}
	a.token = answer.AccessToken
	a.expires = time.Now().Add(time.Duration(answer.ExpiresIn*float64(time.Second)) - renewal)
	return a.token, nil
}

// Close logs out. An error does not matter: the session expires by itself.
func (a *Account) Close(ctx context.Context) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.token != "" {
		_, _ = a.gateway.call(ctx, request{method: http.MethodPost, path: "/api/v1/auth/logout", token: a.token}, nil)
		a.token = ""
	}
}
