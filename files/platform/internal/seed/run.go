// Package seed fills the platform with sample data through its gateway.
package seed

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"cloudlab.example/platform/internal/config"
)

// Config is what the environment and cloudlab.yml give to the seeding.
type Config struct {
	GatewayURL    string        `env:"SEED_GATEWAY_URL,required"`
	Size          string        `env:"SEED_SIZE,required"`
	DryRun        bool          `env:"SEED_DRY_RUN"`
	UserPassword  config.Secret `env:"SEED_USER_PASSWORD,required"`
	Concurrency   int           `env:"SEED_CONCURRENCY" envDefault:"8"`
	Timeout       time.Duration `env:"SEED_TIMEOUT" envDefault:"60s"`
	Recipe        string        `env:"SEED_RECIPE" envDefault:"seed/seed.yml"`
	AdminEmail    string        `env:"ADMIN_EMAIL,required"`
	AdminPassword config.Secret `env:"ADMIN_PASSWORD,required"`
}

// Result is what a seeding did, or in a dry run would do.
type Result struct {
	Changed  bool           `json:"changed"`
	Size     string         `json:"size"`
	Content  Totals         `json:"content"`
	Made     Made           `json:"made"`
	Outcomes map[string]int `json:"outcomes"`
	Waits    int64          `json:"waits"`
	Warnings []string       `json:"warnings"`
}

// Run creates what the platform lacks of a size.
func Run(ctx context.Context, cfg Config, say func(format string, args ...any)) (Result, error) {
	recipe, err := ReadRecipe(cfg.Recipe)
	if err != nil {
		return Result{}, err
	}
	content, err := Make(recipe, cfg.Size)
	if err != nil {
		return Result{}, err
	}
	gateway, err := NewGateway(cfg.GatewayURL, cfg.Concurrency)
	if err != nil {
		return Result{}, err
	}
	admin := NewAccount(gateway, cfg.AdminEmail, cfg.AdminPassword.Reveal())
	defer admin.Close(context.WithoutCancel(ctx))
	seeder := &Seeder{
		Shop: NewShop(gateway, admin), Content: content, Password: cfg.UserPassword.Reveal(),
		Concurrency: max(1, cfg.Concurrency), Say: say, Outcomes: map[string]int{},
	}
	plan, err := seeder.Plan(ctx)
	if err != nil {
		return Result{}, err
	}
	result := Result{Size: cfg.Size, Content: content.Totals(), Made: plan.Counts(), Warnings: []string{}}
	if !cfg.DryRun && plan.Counts() != (Made{}) {
		missing, err := seeder.execute(ctx, plan, cfg.Timeout)
		if err != nil {
			return Result{}, fmt.Errorf("%w\nWhat was created stays; the next run continues from there", err)
		}
		for _, text := range missing {
			result.Warnings = append(result.Warnings, fmt.Sprintf("%s after %s.", text, cfg.Timeout))
		}
		result.Made = seeder.Made
	}
	result.Changed = result.Made != Made{}
	result.Outcomes, result.Waits = seeder.Outcomes, gateway.waits.Load()
	summarize(result, cfg.DryRun, say)
	return result, nil
}

// execute applies a plan and waits until its events are processed.
func (s *Seeder) execute(ctx context.Context, plan Plan, timeout time.Duration) ([]string, error) {
	before, err := s.Shop.Processed(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.Apply(ctx, plan); err != nil {
		return nil, err
	}
	return s.Settle(ctx, before, timeout)
}

func summarize(result Result, dryRun bool, say func(string, ...any)) {
	c, m := result.Content, result.Made
	say("The size %s has %d tenants, %d users, %d categories, %d warehouses, %d products, %d SKUs, %d orders.",
		result.Size, c.Tenants, c.Users, c.Categories, c.Warehouses, c.Products, c.SKUs, c.Orders)
	if !result.Changed {
		say("Everything exists; nothing was created.")
		return
	}
	verb := "Created"
	if dryRun {
		verb = "Would create"
	}
	say("%s: %d categories, %d warehouses, %d users, %d products, %d deliveries, %d orders.",
		verb, m.Categories, m.Warehouses, m.Users, m.Products, m.Deliveries, m.Orders)
	if len(result.Outcomes) == 0 {
		return
	}
	var states []string
	for _, state := range slices.Sorted(maps.Keys(result.Outcomes)) {
		states = append(states, fmt.Sprintf("%d %s", result.Outcomes[state], state))
	}
	say("Orders: %s.", strings.Join(states, ", "))
}
