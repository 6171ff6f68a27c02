// Package inventory manages stock per warehouse and reserves it for orders. A reservation is held until it is committed or
// released, or expires; every step is idempotent by the order's ID.
package inventory

import (
	"context"
	"embed"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	inventoryv1 "cloudlab.example/platform/api/inventory/v1"
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
	config.Postgres
	config.Kafka
	ReservationTTL time.Duration `env:"RESERVATION_TTL" envDefault:"15m"`
	SweepEvery     time.Duration `env:"RESERVATION_SWEEP" envDefault:"5s"`
}

// Service implements the routes and the gRPC server.
type Service struct {
	inventoryv1.UnimplementedInventoryServiceServer
	store *store
	cfg   Config
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
	s := &Service{cfg: cfg, store: &store{pool: pool, events: outbox.New(a, pool, producer)}}
	a.VerifyRemote(cfg.Tokens)
	s.routes(a.API)
	inventoryv1.RegisterInventoryServiceServer(a.GRPC, s)
	kafka.Each(a, cfg.Kafka, []string{kafka.ProductEvents}, s.onProductEvent)
	a.Go("reservation sweep", s.sweep)
	return nil
}

// onProductEvent stores the SKUs of a product; their stock starts at zero.
func (s *Service) onProductEvent(ctx context.Context, event kafka.Event) error {
	var product struct {
		ID       uuid.UUID `json:"id"`
		Tenant   string    `json:"tenant"`
		Variants []struct {
			SKU string `json:"sku"`
		} `json:"variants"`
	}
	if err := event.Decode(&product); err != nil {
		return err
	}
	skus := make([]string, len(product.Variants))
	for i, v := range product.Variants {
		skus[i] = v.SKU
	}
	return s.store.addSKUs(ctx, event, product.ID, product.Tenant, skus)
}

// sweep releases expired reservations.
func (s *Service) sweep(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(s.cfg.SweepEvery):
		}
		expired, err := s.store.expire(ctx)
		if err != nil && ctx.Err() == nil {
			return err
		}
		if expired > 0 {
			slog.Info("reservations expired", "count", expired)
		}
	}
}

var stateMessage = map[state]inventoryv1.ReservationState{
	held:      inventoryv1.ReservationState_RESERVATION_STATE_HELD,
	committed: inventoryv1.ReservationState_RESERVATION_STATE_COMMITTED,
	released:  inventoryv1.ReservationState_RESERVATION_STATE_RELEASED,
	expired:   inventoryv1.ReservationState_RESERVATION_STATE_EXPIRED,
}

func message(r reservation, err error) (*inventoryv1.Reservation, error) {
	if err != nil {
		return nil, err
	}
	return &inventoryv1.Reservation{
		OrderId: r.OrderID.String(), State: stateMessage[r.State],
		ExpiresAt: timestamppb.New(r.ExpiresAt),
	}, nil
}

// authorize checks that the caller may reserve stock, and parses the order's ID.
func authorize(ctx context.Context, orderID string) (uuid.UUID, error) {
	if _, err := auth.Require(ctx, auth.InventoryReserve); err != nil {
		return uuid.Nil, err
	}
	id, err := uuid.Parse(orderID)
	if err != nil {
		return id, fault.New(fault.Invalid, "order_id is not a UUID")
	}
	return id, nil
}

// Reserve implements the gRPC service.
func (s *Service) Reserve(ctx context.Context, request *inventoryv1.ReserveRequest) (*inventoryv1.Reservation, error) {
	id, err := authorize(ctx, request.GetOrderId())
	if err != nil {
		return nil, err
	}
	quantities := map[string]int64{}
	for _, item := range request.GetItems() {
		if item.GetQuantity() <= 0 {
			return nil, fault.New(fault.Invalid, "the quantity of %s must be positive", item.GetSku())
		}
		quantities[item.GetSku()] += int64(item.GetQuantity())
	}
	if len(quantities) == 0 {
		return nil, fault.New(fault.Invalid, "items must not be empty")
	}
	ttl := s.cfg.ReservationTTL
	if request.GetTtl() != nil {
		ttl = request.GetTtl().AsDuration()
	}
	return message(s.store.reserve(ctx, id, quantities, ttl))
}

// Commit implements the gRPC service.
func (s *Service) Commit(ctx context.Context, request *inventoryv1.CommitRequest) (*inventoryv1.Reservation, error) {
	id, err := authorize(ctx, request.GetOrderId())
	if err != nil {
		return nil, err
	}
	return message(s.store.commit(ctx, id))
}

// Release implements the gRPC service.
func (s *Service) Release(ctx context.Context, request *inventoryv1.ReleaseRequest) (*inventoryv1.Reservation, error) {
	id, err := authorize(ctx, request.GetOrderId())
	if err != nil {
		return nil, err
	}
	return message(s.store.release(ctx, id, request.GetReason()))
}

// GetStock implements the gRPC service.
func (s *Service) GetStock(ctx context.Context, request *inventoryv1.GetStockRequest) (*inventoryv1.GetStockResponse, error) {
	totals, err := s.store.totals(ctx, s.store.pool, request.GetSkus())
	if err != nil {
		return nil, err
	}
	response := &inventoryv1.GetStockResponse{}
	for _, t := range totals {
		response.Stock = append(response.Stock, &inventoryv1.Stock{
			Sku: t.SKU, OnHand: t.OnHand, Reserved: t.Reserved,
			Available: t.Available,
		})
	}
	return response, nil
}
