# Whoever changes the ring at secret/shop/ring: `saddlebag keys ...`, and `saddlebag keys watch`.
path "secret/data/shop/ring" {
  capabilities = ["create", "read", "update"]
}

path "secret/metadata/shop/ring" {
  capabilities = ["read"]
}
