// Package payment charges and refunds orders at a mocked provider. There is one payment per order, which the provider charges
// at most once, despite repeated or delayed calls and crashes.
package payment

import (
	"context"
	"embed"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/google/uuid"

	paymentv1 "cloudlab.example/platform/api/payment/v1"
	"cloudlab.example/platform/internal/app"
	"cloudlab.example/platform/internal/auth"
	"cloudlab.example/platform/internal/config"
	"cloudlab.example/platform/internal/fault"
	"cloudlab.example/platform/internal/httpx"
	"cloudlab.example/platform/internal/kafka"
	"cloudlab.example/platform/internal/outbox"
	"cloudlab.example/platform/internal/pg"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Config are the settings of the service, read from the environment.
type Config struct {
	config.Common
	config.Tokens
	config.Postgres
	config.Kafka
	ProviderTimeout time.Duration `env:"PROVIDER_TIMEOUT" envDefault:"2s"`
}

// paymentStore is the store that the service uses.
type paymentStore interface {
	begin(ctx context.Context, p payment) (payment, error)
	byOrder(ctx context.Context, order uuid.UUID) (payment, error)
	byID(ctx context.Context, id uuid.UUID) (payment, error)
	list(ctx context.Context, user string, order *uuid.UUID, page httpx.Page) ([]payment, error)
	transition(ctx context.Context, order uuid.UUID, decide func(payment) (state, string)) (payment, error)
	recordTimeout(ctx context.Context, order uuid.UUID) (payment, error)
	tombstone(ctx context.Context, order uuid.UUID) error
}

// Service implements the routes and the gRPC server.
type Service struct {
	paymentv1.UnimplementedPaymentServiceServer
	store    paymentStore
	provider provider
	timeout  time.Duration
}

// Setup adds the service to the app.
func Setup(a *app.App, cfg Config) error {
	pool, err := pg.Open(a, cfg.Postgres, outbox.Migrations, pg.Migrations{Files: migrations})
	if err != nil {
		return err
	}
	producer, err := kafka.NewProducer(a, cfg.Kafka)
	if err != nil {
		return err
	}
	s := &Service{
		store: &store{pool: pool, events: outbox.New(a, pool, producer)}, provider: mockProvider{pool},
		timeout: cfg.ProviderTimeout,
	}
	a.VerifyRemote(cfg.Tokens)
	s.routes(a.API)
	paymentv1.RegisterPaymentServiceServer(a.GRPC, s)
	return nil
}

// charge calls the provider unless the order's payment is settled. If the provider does not respond, it remains pending.
func (s *Service) charge(ctx context.Context, requested payment, cardToken string) (payment, error) {
	p, err := s.store.begin(ctx, requested)
	if err != nil {
		return p, err
	}
	switch {
	case p.State == voided:
		return p, fault.New(fault.Precondition, "the payment was voided")
	case p.Amount != requested.Amount || p.Currency != requested.Currency:
		return p, fault.New(fault.Conflict, "the order has a payment with a different amount")
	case p.State != pending:
		return p, nil
	}
	providerCtx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	result, err := s.provider.Charge(providerCtx, charge{PaymentID: p.ID, Amount: p.Amount, Currency: p.Currency, CardToken: cardToken})
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		slog.WarnContext(ctx, "the payment provider did not respond", "order_id", p.OrderID.String(), "attempt", p.Attempts+1)
		return s.store.recordTimeout(ctx, p.OrderID)
	}
	if err != nil {
		return p, err
	}
	return s.settle(ctx, p.OrderID, result)
}

// settle stores the provider's result. If the payment was voided meanwhile, settle refunds it.
func (s *Service) settle(ctx context.Context, order uuid.UUID, result chargeResult) (payment, error) {
	p, err := s.store.transition(ctx, order, func(p payment) (state, string) {
		switch {
		case p.State != pending:
			return p.State, p.Reason
		case result.Approved:
			return approved, ""
		}
		return declined, result.Reason
	})
	if err == nil && p.State == voided && result.Approved {
		err = s.provider.Refund(ctx, p.ID)
	}
	return p, err
}

// refund refunds an approved payment and voids a pending one. It calls the provider first: after a crash in between, the call
// is repeated.
func (s *Service) refund(ctx context.Context, order uuid.UUID, reason string) (payment, error) {
	if err := s.store.tombstone(ctx, order); err != nil {
		return payment{}, err
	}
	p, err := s.store.byOrder(ctx, order)
	if err != nil {
		return p, err
	}
	if p.State == approved || p.State == pending {
		if err := s.provider.Refund(ctx, p.ID); err != nil {
			return p, err
		}
	}
	p, err = s.store.transition(ctx, order, func(p payment) (state, string) {
		switch p.State {
		case approved:
			return refunded, reason
		case pending:
			return voided, reason
		}
		return p.State, p.Reason
	})
	if err == nil && (p.State == voided || p.State == refunded) {
		// A charge may have succeeded between the two steps above: refund it, too.
		err = s.provider.Refund(ctx, p.ID)
	}
	return p, err
}

var stateMessage = map[state]paymentv1.PaymentState{
	pending:  paymentv1.PaymentState_PAYMENT_STATE_PENDING,
	approved: paymentv1.PaymentState_PAYMENT_STATE_APPROVED,
	declined: paymentv1.PaymentState_PAYMENT_STATE_DECLINED,
	refunded: paymentv1.PaymentState_PAYMENT_STATE_REFUNDED,
	voided:   paymentv1.PaymentState_PAYMENT_STATE_VOIDED,
}

func message(p payment, err error) (*paymentv1.Payment, error) {
	if err != nil {
		return nil, err
	}
	return &paymentv1.Payment{
		Id: p.ID.String(), OrderId: p.OrderID.String(), State: stateMessage[p.State],
		Amount: p.Amount, Currency: p.Currency, Reason: p.Reason,
	}, nil
}

// authorize checks that the caller may charge, and parses the order's ID.
func authorize(ctx context.Context, orderID string) (uuid.UUID, error) {
	if _, err := auth.Require(ctx, auth.PaymentsCharge); err != nil {
		return uuid.Nil, err
	}
	id, err := uuid.Parse(orderID)
	if err != nil {
		return id, fault.New(fault.Invalid, "order_id is not a UUID")
	}
	return id, nil
}

// Charge implements the gRPC service.
func (s *Service) Charge(ctx context.Context, request *paymentv1.ChargeRequest) (*paymentv1.Payment, error) {
	order, err := authorize(ctx, request.GetOrderId())
	if err != nil {
		return nil, err
	}
	var fields fault.Fields
	fields.Check(request.GetAmount() >= 0, "amount", "must not be negative")
	fields.Check(len(request.GetCurrency()) == 3, "currency", "must be an ISO 4217 code such as EUR")
	fields.Check(request.GetCardToken() != "", "card_token", "is required")
	if err := fields.Err(); err != nil {
		return nil, err
	}
	return message(s.charge(ctx, payment{
		OrderID: order, UserID: request.GetUserId(), Tenant: request.GetTenantId(),
		Amount: request.GetAmount(), Currency: request.GetCurrency(),
	}, request.GetCardToken()))
}

// Refund implements the gRPC service.
func (s *Service) Refund(ctx context.Context, request *paymentv1.RefundRequest) (*paymentv1.Payment, error) {
	order, err := authorize(ctx, request.GetOrderId())
	if err != nil {
		return nil, err
	}
	return message(s.refund(ctx, order, request.GetReason()))
}

// GetPayment implements the gRPC service.
func (s *Service) GetPayment(ctx context.Context, request *paymentv1.GetPaymentRequest) (*paymentv1.Payment, error) {
	order, err := authorize(ctx, request.GetOrderId())
	if err != nil {
		return nil, err
	}
	return message(s.store.byOrder(ctx, order))
}

func (s *Service) routes(mux *httpx.Mux) {
	mux.Handle("GET /api/v1/payments", s.list)
	mux.Handle("GET /api/v1/payments/{id}", s.get)
	mux.Handle("POST /api/v1/payments/{id}/refund", s.refundManually)
}

// list returns the payments of the caller, or all for administrators; ?order_id= selects that of an order.
func (s *Service) list(w http.ResponseWriter, r *http.Request) error {
	claims, err := auth.Caller(r.Context())
	if err != nil {
		return err
	}
	page, err := httpx.PageOf(r)
	if err != nil {
		return err
	}
	user := claims.Subject
	if claims.Can(auth.PlatformAdmin) {
		user = ""
	}
	var order *uuid.UUID
	if text := r.URL.Query().Get("order_id"); text != "" {
		id, err := uuid.Parse(text)
		if err != nil {
			return &fault.Error{Kind: fault.Invalid, Message: "the query is not valid", Fields: fault.Fields{"order_id": "is not a UUID"}}
		}
		order = &id
	}
	found, err := s.store.list(r.Context(), user, order, page)
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, httpx.ListOf(page, found, func(p payment) uuid.UUID { return p.ID }))
}

func (s *Service) get(w http.ResponseWriter, r *http.Request) error {
	claims, err := auth.Caller(r.Context())
	if err != nil {
		return err
	}
	id, err := httpx.PathID(r, "payment")
	if err != nil {
		return err
	}
	p, err := s.store.byID(r.Context(), id)
	if err == nil && p.UserID != claims.Subject && !claims.Can(auth.PlatformAdmin) {
		err = fault.New(fault.NotFound, "payment %q not found", id)
	}
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, p)
}

func (s *Service) refundManually(w http.ResponseWriter, r *http.Request) error {
	if _, err := auth.Require(r.Context(), auth.PaymentsCharge); err != nil {
		return err
	}
	id, err := httpx.PathID(r, "payment")
	if err != nil {
		return err
	}
	p, err := s.store.byID(r.Context(), id)
	if err != nil {
		return err
	}
	p, err = s.refund(r.Context(), p.OrderID, "refunded manually")
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, p)
}
