//go:build tools

// Package tools pins HashiCorp Vault, which tests/peers/install builds: a tool of the tests, and no part of what is
// shipped.
package tools

import _ "github.com/hashicorp/vault"
