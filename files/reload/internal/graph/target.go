// Package graph maps source files to the programs that they are part of.
package graph

import (
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Target is a program: a main package with its build tags. Several services may run the same program.
type Target struct {
	// Module is the directory of go.mod or go.work, Main that of the main package; both absolute.
	Module, Main string
	Tags         []string
	Services     []string
}

// NewTarget returns the target of a main package. module is relative to source, main to module.
func NewTarget(source, module, main string, tags []string) (Target, error) {
	target := Target{Module: filepath.Join(source, filepath.FromSlash(module)), Tags: slices.Clone(tags)}
	target.Main = filepath.Join(target.Module, filepath.FromSlash(main))
	for _, dir := range []string{target.Module, target.Main} {
		if dir != source && !strings.HasPrefix(dir, source+string(filepath.Separator)) {
			return Target{}, fmt.Errorf("%s is outside of %s", dir, source)
		}
	}
	slices.Sort(target.Tags)
	return target, nil
}

// Key identifies the program.
func (t Target) Key() string {
	return t.Main + " " + t.Module + " " + strings.Join(t.Tags, ",")
}

// Package returns the main package as an argument of go, relative to the module.
func (t Target) Package() string {
	relative, err := filepath.Rel(t.Module, t.Main)
	if err != nil {
		return t.Main // unreachable: both are absolute
	}
	return "./" + path.Clean(filepath.ToSlash(relative))
}

// BuildKey identifies the targets that one go command can list and build together.
func (t Target) BuildKey() string {
	return t.Module + " " + strings.Join(t.Tags, ",")
}

// Label names the target in messages.
func (t Target) Label() string {
	return strings.Join(t.Services, ", ")
}

// GroupByBuildKey groups targets by BuildKey, in the order of their first target.
func GroupByBuildKey(targets []Target) [][]Target {
	var order []string
	groups := map[string][]Target{}
	for _, target := range targets {
		key := target.BuildKey()
		if _, known := groups[key]; !known {
			order = append(order, key)
		}
		groups[key] = append(groups[key], target)
	}
	grouped := make([][]Target, 0, len(order))
	for _, key := range order {
		grouped = append(grouped, groups[key])
	}
	return grouped
}
