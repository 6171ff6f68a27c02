"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: seed
short_description: Fill a shop platform with believable content
description:
  - Makes categories, warehouses, tenants, users, products with variants and stock, and orders, out of the words and
    numbers in C(seed/seed.yml) of the platform's checkout. The same recipe gives the same content, always.
  - Everything goes through the platform's API at the gateway, so what services derive from it - events, search index,
    analytics, notifications - is made by themselves.
  - What is there already is left as it is. It is recognised by its natural key - e-mail address, slug, code, SKU - and
    an order by its customer and items; an Idempotency-Key keeps it from being placed twice. A larger size contains
    all of a smaller one.
  - The first failure ends it. What was made stays, and the next run goes on from there.
  - At the end it waits until search and analytics have heard of everything.
  - Runs in process on the controller, with a bounded number of threads.
options:
  url:
    description: The gateway, as C(http://host:port). Empty when the environment has none, which is an error.
    type: str
    required: true
  platform:
    description: The platform's checkout; relative to the project. One without C(seed/seed.yml) has no seed.
    type: path
    required: true
  size:
    description: A size of the recipe.
    type: str
    required: true
  access:
    description: >-
      Logins by service, C({service: {user, password}}). That of the recipe's C(administrator) is used.
    type: dict
    required: true
  user_password:
    description: The password of every user that is made.
    type: str
    required: true
  threads:
    description: Requests at the same time.
    type: int
    default: 8
  timeout:
    description: Seconds that search and analytics may take to hear of everything; then it is a warning.
    type: float
    default: 60
attributes:
  check_mode:
    support: full
    description: Looks, and says what would be made.
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
  description: The size.
  returned: success
  type: str
content:
  description: How much of each kind the size holds.
  returned: success
  type: dict
  sample: {tenants: 3, users: 20, categories: 18, warehouses: 4, products: 60, skus: 150, orders: 100}
made:
  description: How much of each kind was made, in check mode would be.
  returned: success
  type: dict
  sample: {categories: 9, warehouses: 2, users: 20, products: 60, deliveries: 184, orders: 100}
outcomes:
  description: The states that new orders ended in.
  returned: success
  type: dict
  sample: {confirmed: 95, cancelled: 5}
waits:
  description: How often the gateway asked for a pause.
  returned: success
  type: int
"""
