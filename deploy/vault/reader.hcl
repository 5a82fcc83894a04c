# A node that reads the ring at secret/shop/ring, and nothing else.
path "secret/data/shop/ring" {
  capabilities = ["read"]
}

# Whether it changed, asked once a minute.
path "secret/metadata/shop/ring" {
  capabilities = ["read"]
}
