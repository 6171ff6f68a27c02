// Package payment charges orders at a provider, which is mocked, and gives the money back. There is one payment per order;
// whatever is repeated, crashes or comes late, the provider charges it at most once.
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

// ledger is what the service needs of its store.
type ledger interface {
	begin(ctx context.Context, p payment) (payment, error)
	ofOrder(ctx context.Context, order uuid.UUID) (payment, error)
	byID(ctx context.Context, id uuid.UUID) (payment, error)
	list(ctx context.Context, user string, order *uuid.UUID, page httpx.Page) ([]payment, error)
	move(ctx context.Context, order uuid.UUID, decide func(payment) (state, string)) (payment, error)
	noteTimeout(ctx context.Context, order uuid.UUID) (payment, error)
	tombstone(ctx context.Context, order uuid.UUID) error
}

// Service implements the routes and the gRPC server.
type Service struct {
	paymentv1.UnimplementedPaymentServiceServer
	store    ledger
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
		store: &store{pool: pool, events: outbox.New(a, pool, producer)}, provider: mock{pool},
		timeout: cfg.ProviderTimeout,
	}
	a.VerifyRemote(cfg.Tokens)
	s.routes(a.API)
	paymentv1.RegisterPaymentServiceServer(a.GRPC, s)
	return nil
}

// charge asks the provider unless the order's payment is settled. A provider that does not answer leaves it pending.
func (s *Service) charge(ctx context.Context, wanted payment, cardToken string) (payment, error) {
	p, err := s.store.begin(ctx, wanted)
	if err != nil {
		return p, err
	}
	switch {
	case p.State == voided:
		return p, fault.New(fault.Precondition, "the payment was voided")
	case p.Amount != wanted.Amount || p.Currency != wanted.Currency:
		return p, fault.New(fault.Conflict, "the order's payment is of another amount")
	case p.State != pending:
		return p, nil
	}
	providerCtx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	answer, err := s.provider.Charge(providerCtx, charge{PaymentID: p.ID, Amount: p.Amount, Currency: p.Currency, CardToken: cardToken})
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		slog.WarnContext(ctx, "the provider did not answer", "order_id", p.OrderID.String(), "attempt", p.Attempts+1)
		return s.store.noteTimeout(ctx, p.OrderID)
	}
	if err != nil {
		return p, err
	}
	return s.settle(ctx, p.OrderID, answer)
}

// settle records the provider's answer. If the payment was given up while the provider thought, the money goes back.
func (s *Service) settle(ctx context.Context, order uuid.UUID, answer verdict) (payment, error) {
	p, err := s.store.move(ctx, order, func(p payment) (state, string) {
		switch {
		case p.State != pending:
			return p.State, p.Reason
		case answer.Approved:
			return approved, ""
		}
		return declined, answer.Reason
	})
	if err == nil && p.State == voided && answer.Approved {
		err = s.provider.Refund(ctx, p.ID)
	}
	return p, err
}

// refund gives an approved payment back and gives up one whose outcome is open. The provider is told first: it is asked
// again should we crash in between.
func (s *Service) refund(ctx context.Context, order uuid.UUID, reason string) (payment, error) {
	if err := s.store.tombstone(ctx, order); err != nil {
		return payment{}, err
	}
	p, err := s.store.ofOrder(ctx, order)
	if err != nil {
		return p, err
	}
	if p.State == approved || p.State == pending {
		if err := s.provider.Refund(ctx, p.ID); err != nil {
			return p, err
		}
	}
	p, err = s.store.move(ctx, order, func(p payment) (state, string) {
		switch p.State {
		case approved:
			return refunded, reason
		case pending:
			return voided, reason
		}
		return p.State, p.Reason
	})
	if err == nil && (p.State == voided || p.State == refunded) {
		// A charge may have gone through between the two steps above: give that back as well.
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

// charger checks that the caller may charge, and reads the order's id.
func charger(ctx context.Context, orderID string) (uuid.UUID, error) {
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
	order, err := charger(ctx, request.GetOrderId())
	if err != nil {
		return nil, err
	}
	var fields fault.Fields
	fields.Check(request.GetAmount() >= 0, "amount", "must not be negative")
	fields.Check(len(request.GetCurrency()) == 3, "currency", "must be a code such as EUR")
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
	order, err := charger(ctx, request.GetOrderId())
	if err != nil {
		return nil, err
	}
	return message(s.refund(ctx, order, request.GetReason()))
}

// GetPayment implements the gRPC service.
func (s *Service) GetPayment(ctx context.Context, request *paymentv1.GetPaymentRequest) (*paymentv1.Payment, error) {
	order, err := charger(ctx, request.GetOrderId())
	if err != nil {
		return nil, err
	}
	return message(s.store.ofOrder(ctx, order))
}

func (s *Service) routes(mux *httpx.Mux) {
	mux.Handle("GET /api/v1/payments", s.list)
	mux.Handle("GET /api/v1/payments/{id}", s.get)
	mux.Handle("POST /api/v1/payments/{id}/refund", s.refundByHand)
}

// list shows people their own payments and administrators all; ?order_id= finds that of an order.
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
	id, err := httpx.PathID(r, "id")
	if err != nil {
		return err
	}
	p, err := s.store.byID(r.Context(), id)
	if err == nil && p.UserID != claims.Subject && !claims.Can(auth.PlatformAdmin) {
		err = fault.New(fault.NotFound, "there is no such payment")
	}
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, p)
}

func (s *Service) refundByHand(w http.ResponseWriter, r *http.Request) error {
	if _, err := auth.Require(r.Context(), auth.PaymentsCharge); err != nil {
		return err
	}
	id, err := httpx.PathID(r, "id")
	if err != nil {
		return err
	}
	p, err := s.store.byID(r.Context(), id)
	if err != nil {
		return err
	}
	p, err = s.refund(r.Context(), p.OrderID, "refunded by hand")
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, p)
}
