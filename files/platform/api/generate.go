// Package api holds the contracts between the services: one folder per service and version.
package api

//go:generate ./generate.sh
