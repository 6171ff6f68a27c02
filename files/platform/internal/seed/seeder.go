package seed

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	progressInterval = 5 * time.Second
	settleInterval   = 200 * time.Millisecond
)

// Seeder creates content in a platform.
type Seeder struct {
	Shop        *Shop
	Content     Content
	Password    string // of every created user
	Concurrency int
	Say         func(format string, args ...any) // reports progress

	mu       sync.Mutex
	Made     Made
	Outcomes map[string]int // final states of the new orders
}

// Plan compares the content with what the platform has.
func (s *Seeder) Plan(ctx context.Context) (Plan, error) {
	held, err := s.Shop.Holdings(ctx)
	if err != nil {
		return Plan{}, err
	}
	err = each(ctx, s, "", doubtful(s.Content, held), func(sku string) error {
		levels, err := s.Shop.Levels(ctx, sku)
		s.count(func() { held.Levels[sku] = levels })
		return err
	})
	return Compare(s.Content, held), err
}

// Apply creates what the plan contains, dependencies first. It stops at the first error; the next run continues.
func (s *Seeder) Apply(ctx context.Context, plan Plan) error {
	owners := make(map[string]*Account)
	for tenant, user := range s.Content.founders() {
		owners[tenant] = s.account(user.Email)
	}
	defer func() {
		for _, owner := range owners {
			owner.Close(ctx)
		}
	}()
	for _, category := range plan.Categories { // a parent comes before its children
		if err := s.Shop.PutCategory(ctx, category); err != nil {
			return err
		}
		s.Made.Categories++
	}
	for _, warehouse := range plan.Warehouses {
		if err := s.Shop.PutWarehouse(ctx, warehouse); err != nil {
			return err
		}
		s.Made.Warehouses++
	}
	if err := s.register(ctx, plan.Users, owners); err != nil {
		return err
	}
	err := each(ctx, s, "products are in the catalogue and in stock", plan.Products, func(product Product) error {
		return s.offer(ctx, product, owners[product.Tenant])
	})
	if err != nil {
		return err
	}
	err = each(ctx, s, "missing deliveries are made", plan.Deliveries, func(delivery Delivery) error {
		return s.deliver(ctx, delivery)
	})
	if err != nil {
		return err
	}
	return each(ctx, s, "customers have ordered", byCustomer(plan.Orders), func(orders []NumberedOrder) error {
		return s.buy(ctx, orders)
	})
}

// register creates the accounts: founders first, because they invite the others.
func (s *Seeder) register(ctx context.Context, users []User, owners map[string]*Account) error {
	for _, step := range []struct {
		founder bool
		title   string
	}{{true, "tenants have an owner"}, {false, "users are registered"}} {
		group := slices.DeleteFunc(slices.Clone(users), func(u User) bool { return u.Founder != step.founder })
		err := each(ctx, s, step.title, group, func(user User) error {
			created, err := s.Shop.Register(ctx, user, s.Password, owners[user.Tenant])
			if created {
				s.count(func() { s.Made.Users++ })
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// offer creates a product and its stock. If the product exists, because the first response was lost or the list is a
// moment behind, it receives only the stock that it lacks.
func (s *Seeder) offer(ctx context.Context, product Product, owner *Account) error {
	created, err := s.Shop.Create(ctx, product, owner)
	if err != nil {
		return err
	}
	if created {
		s.count(func() { s.Made.Products++ })
	}
	for _, variant := range product.Variants {
		var levels map[string]bool
		if !created {
			if levels, err = s.Shop.Levels(ctx, variant.SKU); err != nil {
				return err
			}
		}
		for _, delivery := range variant.Stock {
			if levels[delivery.Warehouse] {
				continue
			}
			if err := s.deliver(ctx, delivery); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *Seeder) deliver(ctx context.Context, delivery Delivery) error {
	err := s.Shop.Deliver(ctx, delivery)
	if err == nil {
		s.count(func() { s.Made.Deliveries++ })
	}
	return err
}

// buy places the orders of one customer, one after another.
func (s *Seeder) buy(ctx context.Context, orders []NumberedOrder) error {
	buyer := s.account(orders[0].Email)
	defer buyer.Close(ctx)
	for _, order := range orders {
		state, err := s.Shop.Place(ctx, order, buyer)
		if err != nil {
			return err
		}
		if state != "" {
			s.count(func() {
				s.Made.Orders++
				s.Outcomes[state]++
			})
		}
	}
	return nil
}

// Settle waits until search and analytics have processed what was created since before, and returns what they lack when
// the time is over.
func (s *Seeder) Settle(ctx context.Context, before Processed, timeout time.Duration) ([]string, error) {
	begun := time.Now()
	for told := begun; ; {
		now, err := s.Shop.Processed(ctx)
		if err != nil {
			return nil, err
		}
		var missing []string
		if wanted := before.Products + s.Made.Products; now.Products < wanted {
			missing = append(missing, fmt.Sprintf("search finds %d of %d products", now.Products, wanted))
		}
		if wanted := before.Orders + s.Made.Orders; now.Orders < wanted {
			missing = append(missing, fmt.Sprintf("analytics has counted %d of %d orders", now.Orders, wanted))
		}
		if len(missing) == 0 || time.Since(begun) >= timeout {
			return missing, nil
		}
		if time.Since(told) >= progressInterval {
			told = time.Now()
			s.Say("waiting: %s", strings.Join(missing, "; "))
		}
		if err := pause(ctx, settleInterval); err != nil {
			return nil, err
		}
	}
}

func (s *Seeder) account(email string) *Account {
	return NewAccount(s.Shop.gateway, email, s.Password)
}

func (s *Seeder) count(update func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	update()
}

// each calls do for all items with bounded concurrency. After an error, it starts no more calls, and returns the error
// when those in progress have ended.
func each[T any](ctx context.Context, s *Seeder, title string, items []T, do func(T) error) error {
	begun := time.Now()
	var done atomic.Int64
	stop := make(chan struct{})
	var reporter sync.WaitGroup
	reporter.Go(func() {
		ticker := time.NewTicker(progressInterval)
		defer ticker.Stop()
		for {
			select {
			case <-stop:
				return
			case <-ticker.C:
				if title != "" {
					s.Say("%d of %d %s", done.Load(), len(items), title)
				}
			}
		}
	})
	group, failed := errgroup.WithContext(ctx)
	group.SetLimit(s.Concurrency)
	for _, item := range items {
		group.Go(func() error {
			if failed.Err() != nil {
				return failed.Err()
			}
			defer done.Add(1)
			return do(item)
		})
	}
	err := group.Wait()
	close(stop)
	reporter.Wait()
	if err == nil && title != "" && len(items) > 0 {
		s.Say("%d %s (%.1f s)", len(items), title, time.Since(begun).Seconds())
	}
	return cmp.Or(err, ctx.Err())
}

// byCustomer groups orders by customer. Customers with most orders come first, so that none is left over at the end.
func byCustomer(orders []NumberedOrder) [][]NumberedOrder {
	var groups [][]NumberedOrder
	places := make(map[string]int)
	for _, order := range orders {
		place, ok := places[order.Email]
		if !ok {
			place = len(groups)
			places[order.Email] = place
			groups = append(groups, nil)
		}
		groups[place] = append(groups[place], order)
	}
	slices.SortStableFunc(groups, func(a, b []NumberedOrder) int { return cmp.Compare(len(b), len(a)) })
	return groups
}
