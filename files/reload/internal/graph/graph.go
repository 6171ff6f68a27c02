package graph

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/parser"
	"go/token"
	"io"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Lister runs `go list` with the arguments in a directory and returns its output.
type Lister func(ctx context.Context, dir string, arguments ...string) ([]byte, error)

// Graph maps files to targets. It is immutable.
type Graph struct {
	targets []Target
	// users maps the directory of a package to the keys of the targets that use it.
	users map[string]map[string]bool
	// embeds maps the directory of a package to its go:embed patterns.
	embeds map[string][]string
	// headers maps a file to its imports, constraints and go:embed directives.
	headers map[string]string
	// unlisted holds the keys of targets that go could not list.
	unlisted map[string]bool
}

// listedPackage is a package in the output of `go list -json`.
type listedPackage struct {
	ImportPath    string
	Dir           string
	Name          string
	GoFiles       []string
	EmbedPatterns []string
	Deps          []string
	DepOnly       bool
}

const fields = "-json=ImportPath,Dir,Name,GoFiles,EmbedPatterns,Deps,DepOnly"

// Load lists the packages of the targets. Only packages below source are included: others do not change.
//
// If go cannot list a target, for example because go.mod is invalid, Load returns an error and a graph in which every change
// affects that target.
func Load(ctx context.Context, source string, targets []Target, list Lister) (*Graph, error) {
	graph := &Graph{
		targets:  targets,
		users:    map[string]map[string]bool{},
		embeds:   map[string][]string{},
		headers:  map[string]string{},
		unlisted: map[string]bool{},
	}
	var failures []error
	for _, group := range GroupByBuildKey(targets) {
		if err := graph.load(ctx, source, group, list); err != nil {
			failures = append(failures, err)
			for _, target := range group {
				graph.unlisted[target.Key()] = true
			}
		}
	}
	return graph, errors.Join(failures...)
}

func (g *Graph) load(ctx context.Context, source string, group []Target, list Lister) error {
	arguments := []string{"-e", "-deps", fields, "-tags=" + strings.Join(group[0].Tags, ",")}
	for _, target := range group {
		arguments = append(arguments, target.Package())
	}
	output, err := list(ctx, group[0].Module, arguments...)
	if err != nil {
		return err
	}
	packages := map[string]listedPackage{}
	decoder := json.NewDecoder(strings.NewReader(string(output)))
	for {
		var pkg listedPackage
		if err := decoder.Decode(&pkg); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return fmt.Errorf("parse the output of go list: %w", err)
		}
		packages[pkg.ImportPath] = pkg
	}
	mains := map[string]listedPackage{}
	for _, pkg := range packages {
		if !pkg.DepOnly {
			mains[pkg.Dir] = pkg
		}
	}
	for _, target := range group {
		main, known := mains[target.Main]
		if !known || main.Name == "" {
			g.unlisted[target.Key()] = true
			continue
		}
		for _, name := range append(main.Deps, main.ImportPath) {
			if pkg := packages[name]; pkg.Dir == source || strings.HasPrefix(pkg.Dir, source+"/") {
				g.add(target, pkg)
			}
		}
	}
	return nil
}

func (g *Graph) add(target Target, pkg listedPackage) {
	if g.users[pkg.Dir] == nil {
		g.users[pkg.Dir] = map[string]bool{}
		g.embeds[pkg.Dir] = pkg.EmbedPatterns
		for _, file := range pkg.GoFiles {
			name := filepath.Join(pkg.Dir, file)
			g.headers[name] = header(name)
		}
	}
	g.users[pkg.Dir][target.Key()] = true
}

// Affected returns the targets that the files are part of.
func (g *Graph) Affected(files []string) []Target {
	keys := map[string]bool{}
	for _, file := range files {
		maps.Copy(keys, g.usersOf(file))
	}
	var affected []Target
	for _, target := range g.targets {
		if keys[target.Key()] || (g.unlisted[target.Key()] && slices.ContainsFunc(files, Source)) {
			affected = append(affected, target)
		}
	}
	return affected
}

// All returns all targets.
func (g *Graph) All() []Target {
	return g.targets
}

// Stale reports whether changes of these files change the graph: imports, embedded files, build constraints or modules.
func (g *Graph) Stale(files []string) bool {
	return slices.ContainsFunc(files, func(file string) bool {
		return Module(file) || (goFile(file) && g.headers[file] != header(file))
	})
}

// usersOf returns the keys of the targets that the file is part of.
func (g *Graph) usersOf(file string) map[string]bool {
	if Module(file) {
		all := map[string]bool{}
		for _, target := range g.targets {
			all[target.Key()] = true
		}
		return all
	}
	users := map[string]bool{}
	if Source(file) {
		maps.Copy(users, g.users[filepath.Dir(file)])
	}
	for dir, patterns := range g.embeds {
		if embeds(dir, patterns, file) {
			maps.Copy(users, g.users[dir])
		}
	}
	return users
}

// Module reports whether the file determines which modules a build uses.
func Module(file string) bool {
	switch filepath.Base(file) {
	case "go.mod", "go.sum", "go.work", "go.work.sum":
		return true
	case "modules.txt":
		return filepath.Base(filepath.Dir(file)) == "vendor"
	}
	return false
}

// Source reports whether go compiles the file or reads it to find out what to compile. Tests are not included.
func Source(file string) bool {
	switch filepath.Ext(file) {
	case ".s", ".S", ".h", ".syso":
		return true
	}
	return goFile(file) || Module(file)
}

func goFile(file string) bool {
	name := filepath.Base(file)
	return strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go") &&
		!strings.HasPrefix(name, "_") && !strings.HasPrefix(name, ".")
}

// embeds reports whether a package in dir with these go:embed patterns embeds the file, or would if it existed.
func embeds(dir string, patterns []string, file string) bool {
	relative, err := filepath.Rel(dir, file)
	if err != nil || strings.HasPrefix(relative, "..") {
		return false
	}
	for _, pattern := range patterns {
		pattern = strings.TrimPrefix(pattern, "all:")
		// A pattern may match the file or one of its parent directories.
		for name := filepath.ToSlash(relative); name != "." && name != "/"; name = path.Dir(name) {
			if matched, err := path.Match(pattern, name); matched && err == nil {
				return true
			}
		}
		if pattern == "." {
			return true
		}
	}
	return false
}

// header returns the part of a Go file that determines the graph: constraints, imports and go:embed directives.
func header(file string) string {
	content, err := os.ReadFile(file)
	if err != nil {
		return "unreadable"
	}
	var parts []string
	// Generated files can have many megabytes, so they are not copied.
	for line := range bytes.Lines(content) {
		// Within `var ( … )`, directives are indented.
		line = bytes.TrimSpace(line)
		if bytes.HasPrefix(line, []byte("//go:build")) || bytes.HasPrefix(line, []byte("//go:embed")) {
			parts = append(parts, string(line))
		}
	}
	parsed, err := parser.ParseFile(token.NewFileSet(), file, content, parser.ImportsOnly)
	if err != nil {
		return "malformed"
	}
	parts = append(parts, parsed.Name.Name)
	for _, imported := range parsed.Imports {
		parts = append(parts, imported.Path.Value)
	}
	return strings.Join(parts, "\n")
}
