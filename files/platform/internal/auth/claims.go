// Package auth verifies access tokens: JWTs signed by the auth service with ES256, checked against its published keys.
// The gateway verifies them too; a service does not rely on that.
package auth

import (
	"context"
	"slices"

	"github.com/golang-jwt/jwt/v5"

	"cloudlab.example/platform/internal/fault"
)

// Permissions of callers. "*" is every permission.
const (
	CatalogueWrite   = "catalogue.write"   // change products of one's own tenant
	InventoryWrite   = "inventory.write"   // change stock of one's own tenant's products
	InventoryReserve = "inventory.reserve" // hold stock for an order
	PaymentsCharge   = "payments.charge"   // charge and refund
	OrdersPlace      = "orders.place"
	UsersManage      = "users.manage" // see and invite people of one's own tenant
	UsersRead        = "users.read"   // look up anyone's contact: services only
	MediaWrite       = "media.write"
	AnalyticsRead    = "analytics.read"
	PlatformAdmin    = "*"
)

// Claims are the claims of an access token.
type Claims struct {
	jwt.RegisteredClaims          // Subject is the ID of the user, or of the client for a service
	Tenant               string   `json:"tenant,omitempty"`
	Email                string   `json:"email,omitempty"`
	Roles                []string `json:"roles,omitempty"`
	Permissions          []string `json:"permissions,omitempty"`
	Session              string   `json:"sid,omitempty"`
	ClientID             string   `json:"client_id,omitempty"`
}

// Can reports whether the bearer has a permission.
func (c Claims) Can(permission string) bool {
	return slices.Contains(c.Permissions, permission) || slices.Contains(c.Permissions, PlatformAdmin)
}

type claimsKey struct{}

// WithClaims returns the context of an authenticated caller.
func WithClaims(ctx context.Context, claims Claims) context.Context {
	return context.WithValue(ctx, claimsKey{}, claims)
}

// Caller returns the claims of the caller; the error is Unauthenticated for an anonymous one.
func Caller(ctx context.Context) (Claims, error) {
	claims, ok := ctx.Value(claimsKey{}).(Claims)
	if !ok {
		return claims, fault.New(fault.Unauthenticated, "a bearer token is required")
	}
	return claims, nil
}

// Require returns the caller if it has the permission; the error is Unauthenticated or Forbidden otherwise.
func Require(ctx context.Context, permission string) (Claims, error) {
	claims, err := Caller(ctx)
	if err == nil && !claims.Can(permission) {
		err = fault.New(fault.Forbidden, "the permission %s is required", permission)
	}
	return claims, err
}
