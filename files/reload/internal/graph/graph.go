package graph

import (
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

// Lister runs `go list` with the arguments in a folder and returns what it prints.
type Lister func(ctx context.Context, folder string, arguments ...string) ([]byte, error)

// A Graph maps files to the targets made of them. It is never changed, only replaced.
type Graph struct {
	targets []Target
	// folders: folder of a package -> keys of the targets that use it.
	folders map[string]map[string]bool
	// embeds: folder of a package -> patterns of the files in it that become part of the program.
	embeds map[string][]string
	// headers: file -> what in it decides about the graph.
	headers map[string]string
	// unknown: keys of targets that go could not list.
	unknown map[string]bool
}

// listed is what is read of the answer of `go list -json`.
type listed struct {
	ImportPath    string
	Dir           string
	Name          string
	GoFiles       []string
	EmbedPatterns []string
	Deps          []string
	DepOnly       bool
}

const fields = "-json=ImportPath,Dir,Name,GoFiles,EmbedPatterns,Deps,DepOnly"

// Load asks go what the targets are made of. Only packages below source count: others do not change.
//
// What cannot be listed (a broken go.mod, say) does not fail: each change then counts as one of those targets.
func Load(ctx context.Context, source string, targets []Target, list Lister) (*Graph, error) {
	graph := &Graph{
		targets: targets,
		folders: map[string]map[string]bool{},
		embeds:  map[string][]string{},
		headers: map[string]string{},
		unknown: map[string]bool{},
	}
	var failures []error
	for _, group := range Settings(targets) {
		if err := graph.load(ctx, source, group, list); err != nil {
			failures = append(failures, err)
			for _, target := range group {
				graph.unknown[target.Key()] = true
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
	packages := map[string]listed{}
	decoder := json.NewDecoder(strings.NewReader(string(output)))
	for {
		var found listed
		if err := decoder.Decode(&found); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return fmt.Errorf("read the answer of go list: %w", err)
		}
		packages[found.ImportPath] = found
	}
	mains := map[string]listed{}
	for _, found := range packages {
		if !found.DepOnly {
			mains[found.Dir] = found
		}
	}
	for _, target := range group {
		main, known := mains[target.Main]
		if !known || main.Name == "" {
			g.unknown[target.Key()] = true
			continue
		}
		for _, name := range append(main.Deps, main.ImportPath) {
			if found := packages[name]; found.Dir == source || strings.HasPrefix(found.Dir, source+"/") {
				g.add(target, found)
			}
		}
	}
	return nil
}

func (g *Graph) add(target Target, found listed) {
	if g.folders[found.Dir] == nil {
		g.folders[found.Dir] = map[string]bool{}
		g.embeds[found.Dir] = found.EmbedPatterns
		for _, file := range found.GoFiles {
			name := filepath.Join(found.Dir, file)
			g.headers[name] = header(name)
		}
	}
	g.folders[found.Dir][target.Key()] = true
}

// Affected are the targets that the files are part of.
func (g *Graph) Affected(files []string) []Target {
	keys := map[string]bool{}
	for _, file := range files {
		maps.Copy(keys, g.users(file))
	}
	var affected []Target
	for _, target := range g.targets {
		if keys[target.Key()] || (g.unknown[target.Key()] && slices.ContainsFunc(files, Source)) {
			affected = append(affected, target)
		}
	}
	return affected
}

// All are all targets.
func (g *Graph) All() []Target {
	return g.targets
}

// Stale says whether the files change what the graph was made of: imports, embedded files, build constraints, modules.
func (g *Graph) Stale(files []string) bool {
	return slices.ContainsFunc(files, func(file string) bool {
		return Module(file) || (goFile(file) && g.headers[file] != header(file))
	})
}

// users are the keys of the targets that the file is part of.
func (g *Graph) users(file string) map[string]bool {
	if Module(file) {
		all := map[string]bool{}
		for _, target := range g.targets {
			all[target.Key()] = true
		}
		return all
	}
	users := map[string]bool{}
	if Source(file) {
		maps.Copy(users, g.folders[filepath.Dir(file)])
	}
	for folder, patterns := range g.embeds {
		if embedded(folder, patterns, file) {
			maps.Copy(users, g.folders[folder])
		}
	}
	return users
}

// Module tells the files that say which modules a build uses.
func Module(file string) bool {
	switch filepath.Base(file) {
	case "go.mod", "go.sum", "go.work", "go.work.sum":
		return true
	case "modules.txt":
		return filepath.Base(filepath.Dir(file)) == "vendor"
	}
	return false
}

// Source tells the files that go compiles, or that say what it compiles. Tests are not among them.
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

// embedded says whether a package in folder with these go:embed patterns takes in the file, or would if it existed.
func embedded(folder string, patterns []string, file string) bool {
	relative, err := filepath.Rel(folder, file)
	if err != nil || strings.HasPrefix(relative, "..") {
		return false
	}
	for _, pattern := range patterns {
		pattern = strings.TrimPrefix(pattern, "all:")
		// A pattern may match the file, or a folder that it lies in.
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

// header is the part of a Go file that decides about the graph: constraints, imports and embedded files.
func header(file string) string {
	content, err := os.ReadFile(file)
	if err != nil {
		return "unreadable"
	}
	var parts []string
	for line := range strings.Lines(string(content)) {
		if strings.HasPrefix(line, "//go:build") || strings.HasPrefix(line, "//go:embed") {
			parts = append(parts, strings.TrimSpace(line))
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
