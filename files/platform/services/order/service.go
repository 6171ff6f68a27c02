// Package order places orders and processes them in a saga: it reserves, charges and confirms, or compensates.
package order

import (
	"context"
	"embed"

	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	inventoryv1 "cloudlab.example/platform/api/inventory/v1"
	orderv1 "cloudlab.example/platform/api/order/v1"
	paymentv1 "cloudlab.example/platform/api/payment/v1"
	productv1 "cloudlab.example/platform/api/product/v1"
	"cloudlab.example/platform/internal/app"
	"cloudlab.example/platform/internal/auth"
	"cloudlab.example/platform/internal/config"
	"cloudlab.example/platform/internal/fault"
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
	config.Client
	config.Postgres
	config.Kafka
	ProductAddr   string `env:"PRODUCT_GRPC_ADDR" envDefault:"product:9090"`
	InventoryAddr string `env:"INVENTORY_GRPC_ADDR" envDefault:"inventory:9090"`
	PaymentAddr   string `env:"PAYMENT_GRPC_ADDR" envDefault:"payment:9090"`
}

// Service implements the routes and the gRPC server.
type Service struct {
	orderv1.UnimplementedOrderServiceServer
	store    *store
	engine   *engine
	products productv1.ProductServiceClient
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
	product, err := a.Dial("product", cfg.ProductAddr, cfg.Client)
	if err != nil {
		return err
	}
	inventory, err := a.Dial("inventory", cfg.InventoryAddr, cfg.Client)
	if err != nil {
		return err
	}
	payments, err := a.Dial("payment", cfg.PaymentAddr, cfg.Client)
	if err != nil {
		return err
	}
	st := &store{pool: pool, events: outbox.New(a, pool, producer)}
	s := &Service{store: st, products: productv1.NewProductServiceClient(product), engine: newEngine(st, remote{
		inventory: inventoryv1.NewInventoryServiceClient(inventory),
		payment:   paymentv1.NewPaymentServiceClient(payments),
	})}
	a.VerifyRemote(cfg.Tokens)
	s.routes(a.API)
	orderv1.RegisterOrderServiceServer(a.GRPC, s)
	kafka.Each(a, cfg.Kafka, []string{kafka.InventoryEvents, kafka.PaymentEvents}, s.onEvent)
	a.Go("saga", s.engine.run)
	return nil
}

// onEvent wakes an order whose reservation or payment has changed. The state comes from the service, not from the event.
func (s *Service) onEvent(ctx context.Context, event kafka.Event) error {
	if event.Topic == kafka.InventoryEvents && event.Type != "reservation.expired" {
		return nil
	}
	id, err := uuid.Parse(event.Key)
	if err != nil {
		return fault.Wrap(fault.Invalid, err, "key of %s", event)
	}
	woken, err := s.store.wake(ctx, event, id)
	if woken {
		s.engine.enqueue(id)
	}
	return err
}

// GetOrder implements the gRPC service.
func (s *Service) GetOrder(ctx context.Context, request *orderv1.GetOrderRequest) (*orderv1.Order, error) {
	claims, err := auth.Caller(ctx)
	if err != nil {
		return nil, err
	}
	id, err := uuid.Parse(request.GetId())
	if err != nil {
		return nil, fault.New(fault.Invalid, "id is not a UUID")
	}
	o, err := s.store.get(ctx, ownerOf(claims), id)
	if err != nil {
		return nil, err
	}
	response := &orderv1.Order{
		Id: o.ID.String(), UserId: o.UserID, TenantId: o.Tenant, State: string(o.State), Reason: o.Reason,
		Total: o.Total, Currency: o.Currency, CreatedAt: timestamppb.New(o.CreatedAt),
	}
	for _, l := range o.Lines {
		response.Lines = append(response.Lines, &orderv1.Line{Sku: l.SKU, Name: l.Name, Quantity: l.Quantity, Price: l.Price})
	}
	return response, nil
}

// ownerOf returns the user whose orders the caller may see; "" is all, for administrators.
func ownerOf(claims auth.Claims) string {
	if claims.Can(auth.PlatformAdmin) {
		return ""
	}
	return claims.Subject
}

// remote implements participants over gRPC.
type remote struct {
	inventory inventoryv1.InventoryServiceClient
	payment   paymentv1.PaymentServiceClient
}

func (r remote) Reserve(ctx context.Context, o order) error {
	request := &inventoryv1.ReserveRequest{OrderId: o.ID.String()}
	for _, l := range o.Lines {
		request.Items = append(request.Items, &inventoryv1.Item{Sku: l.SKU, Quantity: l.Quantity})
	}
	_, err := r.inventory.Reserve(ctx, request)
	return err
}

func (r remote) Commit(ctx context.Context, o order) error {
	_, err := r.inventory.Commit(ctx, &inventoryv1.CommitRequest{OrderId: o.ID.String()})
	return err
}

func (r remote) Release(ctx context.Context, o order) error {
	_, err := r.inventory.Release(ctx, &inventoryv1.ReleaseRequest{OrderId: o.ID.String(), Reason: o.Reason})
	return err
}

func (r remote) Charge(ctx context.Context, o order) (payment, string, error) {
	p, err := r.payment.Charge(ctx, &paymentv1.ChargeRequest{
		OrderId: o.ID.String(), UserId: o.UserID, TenantId: o.Tenant,
		Amount: o.Total, Currency: o.Currency, CardToken: o.cardToken,
	})
	switch p.GetState() {
	case paymentv1.PaymentState_PAYMENT_STATE_APPROVED:
		return paymentApproved, "", err
	case paymentv1.PaymentState_PAYMENT_STATE_DECLINED:
		return paymentDeclined, p.GetReason(), err
	case paymentv1.PaymentState_PAYMENT_STATE_PENDING:
		return paymentPending, "", err
	}
	return paymentClosed, "the payment was refunded or voided", err
}

func (r remote) Refund(ctx context.Context, o order) error {
	_, err := r.payment.Refund(ctx, &paymentv1.RefundRequest{OrderId: o.ID.String(), Reason: o.Reason})
	return err
}
