package seed

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

func (p *platform) login(in payload) (int, any) {
	if found, ok := p.accounts[in.Email]; !ok || found.password != in.Password {
		return refuse(http.StatusUnauthorized, "email or password is wrong")
	}
	p.logins++
	token := "token-" + strconv.Itoa(p.logins)
	p.sessions[token] = in.Email
	return http.StatusOK, map[string]any{"access_token": token, "expires_in": 900}
}

func (p *platform) logout(in payload) (int, any) {
	delete(p.sessions, strings.TrimPrefix(in.header.Get("Authorization"), "Bearer "))
	return http.StatusOK, nil
}

func (p *platform) invite(in payload) (int, any) {
	if !p.accounts[in.user].owner {
		return refuse(http.StatusForbidden, "only the owner of a tenant invites")
	}
	return http.StatusCreated, map[string]string{"invitation": p.accounts[in.user].tenant + " " + in.Email}
}

func (p *platform) register(in payload) (int, any) {
	if _, ok := p.accounts[in.Email]; ok {
		return refuse(http.StatusConflict, "an account for %s already exists", in.Email)
	}
	created := account{password: in.Password}
	if in.Tenant != "" {
		for _, other := range p.accounts {
			if other.tenant == in.Tenant {
				return refuse(http.StatusConflict, "the tenant %s already exists", in.Tenant)
			}
		}
		created.tenant, created.owner = in.Tenant, true
	} else if in.Invitation != "" {
		tenant, invited, _ := strings.Cut(in.Invitation, " ")
		if invited != in.Email {
			return refuse(http.StatusForbidden, "the invitation is for %s", invited)
		}
		created.tenant = tenant
	}
	p.accounts[in.Email] = created
	return http.StatusCreated, map[string]string{}
}

func (p *platform) users(in payload) (int, any) {
	emails := slices.Sorted(maps.Keys(p.accounts))
	items := make([]map[string]string, len(emails))
	for i, email := range emails {
		items[i] = map[string]string{"email": email}
	}
	return page(p, in, items)
}

func (p *platform) listCategories(payload) (int, any) {
	return list("slug", slices.Sorted(maps.Keys(p.categories)))
}

func (p *platform) putCategory(in payload) (int, any) {
	if _, ok := p.categories[in.Parent]; in.Parent != "" && !ok {
		return refuse(http.StatusUnprocessableEntity, "the parent %s does not exist", in.Parent)
	}
	return p.put(p.categories, in)
}

func (p *platform) listWarehouses(payload) (int, any) {
	return list("code", slices.Sorted(maps.Keys(p.warehouses)))
}

func (p *platform) putWarehouse(in payload) (int, any) { return p.put(p.warehouses, in) }

func (p *platform) put(names map[string]string, in payload) (int, any) {
	if in.user != adminEmail {
		return refuse(http.StatusForbidden, "only the administrator may do this")
	}
	names[in.key] = in.Name
	return http.StatusOK, map[string]string{}
}

func (p *platform) listProducts(in payload) (int, any) {
	var items []map[string]any
	for _, product := range p.products {
		if product.withdrawn {
			continue
		}
		var variants []map[string]any
		for _, sku := range product.skus {
			variants = append(variants, map[string]any{"sku": sku, "available": p.available(sku)})
		}
		items = append(items, map[string]any{"variants": variants})
	}
	return page(p, in, items)
}

func (p *platform) available(sku string) int {
	sum := 0
	for _, pieces := range p.stock[sku] {
		sum += pieces
	}
	return sum
}

func (p *platform) createProduct(in payload) (int, any) {
	if !p.accounts[in.user].owner {
		return refuse(http.StatusForbidden, "only the owner of a tenant sells")
	}
	created := soldProduct{name: in.Name, tenant: p.accounts[in.user].tenant}
	for _, variant := range in.Variants {
		for _, other := range p.products {
			if slices.Contains(other.skus, variant.SKU) {
				return refuse(http.StatusConflict, "the SKU %s belongs to another product", variant.SKU)
			}
		}
		created.skus = append(created.skus, variant.SKU)
	}
	p.products = append(p.products, created)
	return http.StatusCreated, map[string]string{}
}

func (p *platform) levels(in payload) (int, any) {
	return list("warehouse", slices.Sorted(maps.Keys(p.stock[in.key])))
}

func (p *platform) adjust(in payload) (int, any) {
	if _, ok := p.warehouses[in.Warehouse]; !ok {
		return refuse(http.StatusUnprocessableEntity, "the warehouse %s does not exist", in.Warehouse)
	}
	if in.user != adminEmail {
		return refuse(http.StatusForbidden, "only the administrator may do this")
	}
	if p.stock[in.key] == nil {
		p.stock[in.key] = map[string]int{}
	}
	p.stock[in.key][in.Warehouse] += in.Delta
	return http.StatusOK, map[string]string{}
}

func (p *platform) listOrders(in payload) (int, any) { return page(p, in, p.orders) }

// placeOrder cancels an order whose card is declined or whose items are out of stock.
func (p *platform) placeOrder(in payload) (int, any) {
	key := in.user + " " + in.header.Get("Idempotency-Key")
	if known, ok := p.keys[key]; ok {
		if known.body != in.text {
			return refuse(http.StatusConflict, "the Idempotency-Key was used for another request")
		}
		return http.StatusOK, known
	}
	order := placedOrder{Email: in.user, Lines: in.Items, State: "confirmed", body: in.text}
	for _, item := range in.Items {
		if in.CardToken == "tok_declined" || p.available(item.SKU) < item.Quantity {
			order.State = "cancelled"
		}
	}
	p.orders = append(p.orders, order)
	p.keys[key] = order
	return http.StatusCreated, order
}

func (p *platform) search(payload) (int, any) {
	return http.StatusOK, map[string]int{"total": len(p.products) - p.unindexed}
}

func (p *platform) funnel(payload) (int, any) {
	placed := map[string]any{"name": "placed", "count": len(p.orders) - p.uncounted}
	return http.StatusOK, map[string]any{"items": []any{map[string]any{"name": "viewed", "count": 1}, placed}}
}

// list is the response of a list without pages.
func list(key string, values []string) (int, any) {
	items := make([]map[string]string, len(values))
	for i, value := range values {
		items[i] = map[string]string{key: value}
	}
	return http.StatusOK, map[string]any{"items": items}
}

func page[T any](p *platform, in payload, items []T) (int, any) {
	if p.hidden {
		items = nil
	}
	begin := 0
	if cursor := in.query["cursor"]; len(cursor) > 0 {
		var err error
		if begin, err = strconv.Atoi(cursor[0]); err != nil {
			return refuse(http.StatusBadRequest, "the cursor %q is invalid", cursor[0])
		}
	}
	end := min(begin+shortPage, len(items))
	answer := map[string]any{"items": items[begin:end]}
	if end < len(items) {
		answer["next_cursor"] = strconv.Itoa(end)
	}
	return http.StatusOK, answer
}
