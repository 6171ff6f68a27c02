// Package graph knows which programs are made of which files.
package graph

import (
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// A Target is a program: a main package with its build tags. Several services may run the same one.
type Target struct {
	// Module is the folder of go.mod or go.work, Main the folder of the main package; both absolute.
	Module, Main string
	Tags         []string
	Services     []string
}

// NewTarget makes a target of a main package as a platform describes it. module is relative to source, main to module.
func NewTarget(source, module, main string, tags []string) (Target, error) {
	target := Target{Module: filepath.Join(source, filepath.FromSlash(module)), Tags: slices.Clone(tags)}
	target.Main = filepath.Join(target.Module, filepath.FromSlash(main))
	for _, folder := range []string{target.Module, target.Main} {
		if folder != source && !strings.HasPrefix(folder, source+string(filepath.Separator)) {
			return Target{}, fmt.Errorf("%s is outside of %s", folder, source)
		}
	}
	slices.Sort(target.Tags)
	return target, nil
}

// Key identifies the target: the same key is the same program.
func (t Target) Key() string {
	return t.Main + " " + t.Module + " " + strings.Join(t.Tags, ",")
}

// Package is the main package as an argument for go, from the module's folder.
func (t Target) Package() string {
	relative, err := filepath.Rel(t.Module, t.Main)
	if err != nil {
		return t.Main // both are absolute, so this does not happen
	}
	return "./" + path.Clean(filepath.ToSlash(relative))
}

// Setting names what targets must have in common to be listed and built by one call of go.
func (t Target) Setting() string {
	return t.Module + " " + strings.Join(t.Tags, ",")
}

// Label is the target for messages.
func (t Target) Label() string {
	return strings.Join(t.Services, ", ")
}

// Settings groups targets by Setting, in the order of their first one.
func Settings(targets []Target) [][]Target {
	var order []string
	groups := map[string][]Target{}
	for _, target := range targets {
		key := target.Setting()
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
