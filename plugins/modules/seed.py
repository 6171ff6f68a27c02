"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: seed
short_description: Fill a shop platform with sample data
description:
  - Creates categories, warehouses, tenants, users, products with variants and stock, and orders, from C(seed/seed.yml)
    in the platform's checkout. The result is deterministic.
  - All data is created through the platform's API at the gateway, so that the services themselves derive events, search
    index, analytics and notifications.
  - Existing data is not changed. It is recognized by its natural key - e-mail address, slug, code, SKU - and an order
    by its customer and items; an Idempotency-Key prevents duplicates. A larger size contains everything that a smaller
    size does.
  - Stops at the first failure. Data that was created is kept, and the next run continues from there.
  - At the end, waits until search and analytics have processed everything.
  - Runs in process on the controller, with a limited number of threads.
options:
  url:
    description: Address of the gateway, C(http://host:port). An empty value, for an environment without a gateway, is
      an error.
    type: str
    required: true
  platform:
    description: Checkout of the platform, relative to the project. It must contain C(seed/seed.yml).
    type: path
    required: true
  size:
    description: Size of the data set.
    type: str
    required: true
  access:
    description: >-
        Credentials by service, C({service: {user, password}}). Uses those of C(administrator) in C(seed/seed.yml).
    type: dict
    required: true
  user_password:
    description: Password of every seeded user.
    type: str
    required: true
  threads:
    description: Number of concurrent requests.
    type: int
    default: 8
  timeout:
    description: Maximum time to wait until search and analytics have processed everything, in seconds; then a warning
      is shown.
    type: float
    default: 60
attributes:
  check_mode:
    support: full
    description: Compares, and reports what would be created.
  diff_mode:
    support: none
"""

EXAMPLES = r"""
- name: Fill the platform
  seed:
    url: http://127.0.0.1:8080
    platform: files/platform
    size: small
    access: "{{ report_access }}"
    user_password: development
"""

RETURN = r"""
size:
  description: Size of the data set.
  returned: success
  type: str
content:
  description: Number of objects in the data set, by kind.
  returned: success
  type: dict
  sample: {tenants: 3, users: 20, categories: 18, warehouses: 4, products: 60, skus: 150, orders: 100}
made:
  description: Number of objects that were created (in check mode, would be created), by kind.
  returned: success
  type: dict
  sample: {categories: 9, warehouses: 2, users: 20, products: 60, deliveries: 184, orders: 100}
outcomes:
  description: Final states of new orders.
  returned: success
  type: dict
  sample: {confirmed: 95, cancelled: 5}
waits:
  description: Number of requests that the gateway's rate limit delayed.
  returned: success
  type: int
"""
