package graph

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
)

// files of a module in which two services share a package; one of them embeds files.
var files = map[string]string{
	"go.mod":               "module shop.example/m\n\ngo 1.26\n",
	"shared/shared.go":     "package shared\n\nconst Name = \"x\"\n",
	"shared/shared_s.go":   "package shared\n",
	"cmd/one/main.go":      "package main\n\nimport _ \"shop.example/m/shared\"\n\nfunc main() {}\n",
	"cmd/two/main.go":      "package main\n\nimport (\n\t_ \"shop.example/m/shared\"\n\t_ \"shop.example/m/store\"\n)\n\nfunc main() {}\n",
	"store/store.go":       "package store\n\nimport \"embed\"\n\n//go:embed sql/*.sql pages\nvar Files embed.FS\n\nvar _ = Files\n",
	"store/sql/1.sql":      "select 1",
	"store/pages/a/b.html": "<p>",
	"unused/unused.go":     "package unused\n",
}

func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, content := range files {
		write(t, filepath.Join(root, name), content)
	}
	return root
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func list(ctx context.Context, dir string, arguments ...string) ([]byte, error) {
	command := exec.CommandContext(ctx, "go", append([]string{"list"}, arguments...)...)
	command.Dir = dir
	return command.Output()
}

func target(t *testing.T, root, module, main string, tags []string, service string) Target {
	t.Helper()
	target, err := NewTarget(root, module, main, tags)
	if err != nil {
		t.Fatal(err)
	}
	target.Services = []string{service}
	return target
}

func load(t *testing.T, root string, targets ...Target) *Graph {
	t.Helper()
	graph, err := Load(t.Context(), root, targets, list)
	if err != nil {
		t.Fatal(err)
	}
	return graph
}

func affected(graph *Graph, root string, names ...string) []string {
	var paths []string
	for _, name := range names {
		paths = append(paths, filepath.Join(root, name))
	}
	services := []string{}
	for _, target := range graph.Affected(paths) {
		services = append(services, target.Services...)
	}
	return services
}

func TestAffected(t *testing.T) {
	root := tree(t, files)
	graph := load(t, root, target(t, root, ".", "./cmd/one", nil, "one"), target(t, root, ".", "cmd/two", nil, "two"))
	for name, expected := range map[string][]string{
		"cmd/one/main.go":       {"one"},
		"cmd/one/new.go":        {"one"},
		"cmd/one/main_test.go":  {},
		"shared/shared.go":      {"one", "two"},
		"shared/asm_amd64.s":    {"one", "two"},
		"unused/unused.go":      {},
		"README.md":             {},
		"store/README.md":       {},
		"store/sql/1.sql":       {"two"},
		"store/sql/2.sql":       {"two"},
		"store/sql/1.txt":       {},
		"store/pages/a/b.html":  {"two"},
		"store/pages/new.html":  {"two"},
		"go.mod":                {"one", "two"},
		"go.work":               {"one", "two"},
		"vendor/modules.txt":    {"one", "two"},
		"cmd/one/modules.txt":   {},
		"cmd/one/.#main.go":     {},
		"cmd/one/_disabled.go":  {},
		"cmd/one/sub/nested.go": {},
	} {
		if found := affected(graph, root, name); !slices.Equal(found, expected) {
			t.Errorf("%s: got %v, want %v", name, found, expected)
		}
	}
}

func TestAffectedInWorkspace(t *testing.T) {
	root := tree(t, map[string]string{
		"go.work":        "go 1.26\n\nuse (\n\t./lib\n\t./a\n\t./b\n)\n",
		"lib/go.mod":     "module shop.example/lib\n\ngo 1.26\n",
		"lib/lib.go":     "package lib\n",
		"a/go.mod":       "module shop.example/a\n\ngo 1.26\n",
		"a/main.go":      "package main\n\nimport _ \"shop.example/lib\"\n\nfunc main() {}\n",
		"b/go.mod":       "module shop.example/b\n\ngo 1.26\n",
		"b/cmd/b/it.go":  "package main\n\nfunc main() {}\n",
		"b/cmd/b/dev.go": "//go:build dev\n\npackage main\n\nimport _ \"shop.example/lib\"\n",
	})
	graph := load(t, root,
		target(t, root, "a", ".", nil, "a"),
		target(t, root, ".", "./b/cmd/b", nil, "b"),
		target(t, root, ".", "./b/cmd/b", []string{"dev"}, "b-dev"),
	)
	if found := affected(graph, root, "lib/lib.go"); !slices.Equal(found, []string{"a", "b-dev"}) {
		t.Errorf("lib: %v", found)
	}
	if found := affected(graph, root, "b/cmd/b/it.go"); !slices.Equal(found, []string{"b", "b-dev"}) {
		t.Errorf("b: %v", found)
	}
}

func TestUnlistedTargetIsAffectedByEverySource(t *testing.T) {
	root := tree(t, files)
	graph := load(t, root, target(t, root, ".", "./cmd/one", nil, "one"), target(t, root, ".", "./cmd/none", nil, "none"))
	if found := affected(graph, root, "unused/unused.go"); !slices.Equal(found, []string{"none"}) {
		t.Errorf("%v", found)
	}
	if found := affected(graph, root, "README.md"); len(found) > 0 {
		t.Errorf("%v", found)
	}
}

func TestLoadWithInvalidModuleFile(t *testing.T) {
	root := tree(t, map[string]string{"go.mod": "nonsense", "main.go": "package main\n\nfunc main() {}\n"})
	graph, err := Load(t.Context(), root, []Target{target(t, root, ".", ".", nil, "one")}, list)
	if err == nil {
		t.Error("no error")
	}
	if found := affected(graph, root, "main.go"); !slices.Equal(found, []string{"one"}) {
		t.Errorf("%v", found)
	}
}

func TestStale(t *testing.T) {
	root := tree(t, files)
	graph := load(t, root, target(t, root, ".", "./cmd/one", nil, "one"))
	main := filepath.Join(root, "cmd/one/main.go")
	stale := func() bool { return graph.Stale([]string{main}) }
	if stale() {
		t.Error("stale without a change")
	}
	write(t, main, files["cmd/one/main.go"]+"\nvar x = 1\n")
	if stale() {
		t.Error("stale although only code changed")
	}
	write(t, main, "package main\n\nimport _ \"shop.example/m/store\"\n\nfunc main() {}\n")
	if !stale() {
		t.Error("not stale after a new import")
	}
	write(t, main, "//go:build never\n\n"+files["cmd/one/main.go"])
	if !stale() {
		t.Error("not stale after a new build constraint")
	}
	write(t, main, "package main\n\nvar (\n\t//go:embed main.go\n\tsource string\n)\n\nfunc main() {}\n")
	if graph = load(t, root, target(t, root, ".", "./cmd/one", nil, "one")); stale() {
		t.Error("stale directly after loading")
	}
	write(t, main, "package main\n\nvar (\n\t//go:embed *.go\n\tsource string\n)\n\nfunc main() {}\n")
	if !stale() {
		t.Error("not stale after a changed go:embed directive that is indented")
	}
	if err := os.Remove(main); err != nil {
		t.Fatal(err)
	}
	if !stale() {
		t.Error("not stale after a file was removed")
	}
	if !graph.Stale([]string{filepath.Join(root, "go.mod")}) {
		t.Error("not stale after a change of go.mod")
	}
	if !graph.Stale([]string{filepath.Join(root, "shared/new.go")}) {
		t.Error("not stale after a new file")
	}
}

func TestNewTargetRejectsPathsOutsideOfSource(t *testing.T) {
	for _, paths := range [][2]string{{"..", "."}, {".", "../x"}, {"a/../../b", "."}} {
		if _, err := NewTarget("/src", paths[0], paths[1], nil); err == nil {
			t.Errorf("%v: no error", paths)
		}
	}
}
