// Package product manages the catalogue: products with variants and prices, in categories. Reading is public; the owners of a
// tenant change its products. Each change emits an event with the complete product.
package product

import (
	"context"
	"embed"

	"github.com/google/uuid"

	productv1 "cloudlab.example/platform/api/product/v1"
	"cloudlab.example/platform/internal/app"
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
}

// Service implements the routes and the gRPC server.
type Service struct {
	productv1.UnimplementedProductServiceServer
	store *store
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
	s := &Service{store: &store{pool: pool, events: outbox.New(a, pool, producer)}}
	a.VerifyRemote(cfg.Tokens)
	s.routes(a.API)
	productv1.RegisterProductServiceServer(a.GRPC, s)
	kafka.Each(a, cfg.Kafka, []string{kafka.InventoryEvents}, s.onInventoryEvent)
	return nil
}

// onInventoryEvent updates the availability in the catalogue.
func (s *Service) onInventoryEvent(ctx context.Context, event kafka.Event) error {
	if event.Type != "stock.changed" {
		return nil
	}
	var stock struct {
		SKU       string `json:"sku"`
		Available int64  `json:"available"`
	}
	if err := event.Decode(&stock); err != nil {
		return err
	}
	return s.store.setAvailable(ctx, event, stock.SKU, stock.Available)
}

// GetProduct implements the gRPC service.
func (s *Service) GetProduct(ctx context.Context, request *productv1.GetProductRequest) (*productv1.Product, error) {
	id, err := uuid.Parse(request.GetId())
	if err != nil {
		return nil, fault.New(fault.Invalid, "id is not a UUID")
	}
	p, err := s.store.product(ctx, id)
	if err != nil {
		return nil, err
	}
	response := &productv1.Product{
		Id: p.ID.String(), TenantId: p.Tenant, Name: p.Name, Description: p.Description,
		Brand: p.Brand, Category: p.Category, Active: p.Active, Version: p.Version,
	}
	for _, v := range p.Variants {
		response.Variants = append(response.Variants, variantMessage(p, v))
	}
	return response, nil
}

// GetVariants implements the gRPC service.
func (s *Service) GetVariants(ctx context.Context, request *productv1.GetVariantsRequest) (*productv1.GetVariantsResponse, error) {
	if len(request.GetSkus()) > 100 {
		return nil, fault.New(fault.Invalid, "skus must have at most 100 entries")
	}
	offers, err := s.store.offers(ctx, request.GetSkus())
	if err != nil {
		return nil, err
	}
	response := &productv1.GetVariantsResponse{}
	for _, o := range offers {
		response.Variants = append(response.Variants, variantMessage(o.product, o.variant))
	}
	return response, nil
}

// variantMessage includes the product in the variant's name, because an order shows only the variant.
func variantMessage(p product, v variant) *productv1.Variant {
	name := p.Name
	if v.Name != "" {
		name += ", " + v.Name
	}
	return &productv1.Variant{
		Sku: v.SKU, ProductId: p.ID.String(), Name: name, Price: v.Price, Currency: v.Currency,
		Active: p.Active,
	}
}
