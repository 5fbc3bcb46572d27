package scripts

import (
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bootctl/bootctl/lab/labtest"
)

// pageGroups are the pages with commands or outputs. A function runs the pages of a group.
var pageGroups = []struct {
	name  string
	tools []string
	pages []string
	run   func(*testing.T, map[string]*page)
}{
	{"readme", nil, []string{"README.md"}, runReadme},
	{"howto", []string{"jq"}, []string{
		"docs/howto/approve-nodes.md", "docs/howto/bake-an-image.md", "docs/howto/change-address-or-ca.md", "docs/howto/join-a-node.md",
		"docs/howto/monitor-with-doctor.md", "docs/howto/serving-certificates.md", "docs/howto/start-the-kubelet.md", "docs/howto/use-in-ci.md",
		"docs/howto/user-certificate.md",
	}, runHowTos},
	{"recipes", []string{"jq"}, []string{"docs/scripting.md"}, runRecipes},
	{"reference", nil, []string{"docs/reference/join.md", "docs/troubleshooting.md"}, runReference},
	{"install", []string{"bash", "zsh"}, []string{"docs/install.md"}, runInstall},
}

// notRun are the blocks that cannot run in this test, by the page and the first words of the
// block, and why.
var notRun = []struct{ page, begin, why string }{
	{"README.md", "git clone", "it clones and builds the repository that this test is part of"},
	{"README.md", "# install -m 0755", "it installs for all users; script plugin runs bootctl as kubectl-bootstrap"},
	{"docs/install.md", "go install", "it needs the public repository; make test-release installs the release's files"},
	{"docs/install.md", "tar -xzf", "it installs for all users; make test-release unpacks the archive and runs the program"},
	{"docs/install.md", "bootctl completion fish", "fish is not one of the tools that .ci/run installs"},
	{"docs/howto/start-the-kubelet.md", "# systemctl edit", "it needs systemd and a kubelet; make test-kubelet starts one with these two flags"},
	{"docs/howto/serving-certificates.md", "# echo", "it needs systemd and a kubelet; the next block requests the same certificate"},
	{"docs/howto/change-address-or-ca.md", `$ bootctl cluster-info publish --endpoint "$ENDPOINT" --ca-file "$NEW_CA"`, "it asks on a terminal; another block passes --yes"},
	{"docs/reference/join.md", "etc/kubernetes/", "it is a drawing of files; script join_rootfs checks their paths and modes"},
}

// TestPages runs the commands of README and docs on a control plane, and compares what they
// print with what the pages show. A block that is neither run nor in the table above fails.
func TestPages(t *testing.T) {
	var known []string
	for _, group := range pageGroups {
		known = append(known, group.pages...)
		t.Run(group.name, func(t *testing.T) {
			t.Parallel()
			labtest.RequireTools(t, append(group.tools, "dash")...)
			pages := map[string]*page{}
			for _, name := range group.pages {
				pages[name] = readPage(t, name)
			}
			group.run(t, pages)
			for _, p := range pages {
				p.allRan(t)
			}
		})
	}
	for _, name := range writtenPages(t) {
		if len(readPage(t, name).blocks) > 0 && !slices.Contains(known, name) {
			t.Errorf("no group has %s", name)
		}
	}
	for _, entry := range notRun {
		if !slices.Contains(known, entry.page) {
			t.Errorf("no group has %s, which the table of blocks that are not run names", entry.page)
		}
	}
}

// writtenPages returns README and the pages below docs that are not generated.
func writtenPages(t *testing.T) []string {
	t.Helper()
	names := []string{"README.md"}
	root := labtest.Root(t)
	err := filepath.WalkDir(filepath.Join(root, "docs"), func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case slices.Contains([]string{"cli", "man", "schemas"}, entry.Name()):
			return fs.SkipDir
		case filepath.Ext(path) == ".md" && entry.Name() != "exit-codes.md":
			name, err := filepath.Rel(root, path)
			names = append(names, filepath.ToSlash(name))
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// allRan checks that each block of the page was either run or is in the table of those that
// are not.
func (p *page) allRan(t *testing.T) {
	t.Helper()
	blocks := slices.Clone(p.blocks)
	for _, entry := range notRun {
		if entry.page != p.name {
			continue
		}
		i := slices.IndexFunc(blocks, func(b *block) bool { return strings.HasPrefix(b.text, entry.begin) })
		if i < 0 || blocks[i].ran {
			t.Errorf("%s: no block begins with %q, or it was run", p.name, entry.begin)
			continue
		}
		blocks = slices.Delete(blocks, i, i+1)
	}
	for _, b := range blocks {
		if !b.ran {
			t.Errorf("%s: this block below %q was not run\n%s", p.name, b.heading, b.text)
		}
	}
}

// runReadme runs README's quick start from an unprepared control plane to a node, and its
// other examples.
func runReadme(t *testing.T, pages map[string]*page) {
	t.Helper()
	p := pages["README.md"]
	admin := labtest.NewAdmin(t)
	r := newReader(t, admin.Server)
	const firstDoctor = "bootctl doctor " // finds that the control plane is not prepared
	r.real = append(r.real, firstDoctor, "{ bootctl doctor && exit 1; test $? -eq 5; } ")
	quickStart := p.below(t, "Quick start: join a node to your cluster", 2)
	r.follow(t, quickStart[0])
	node := *r
	node.dir, node.env = r.root+"/root", append(slices.Clone(r.env), "KUBECONFIG=")
	node.follow(t, quickStart[1])
	if nodes := r.mustRun(t, "kubectl get nodes -o name"); nodes != "node/worker-7\n" {
		t.Errorf("the nodes are %q", nodes)
	}
	r.follow(t, p.below(t, "Scripts", 1)...)
	newReader(t, nil).follow(t, p.below(t, "Try it from source", 2)...)
}

// runReference runs the examples of the pages to look up.
func runReference(t *testing.T, pages map[string]*page) {
	t.Helper()
	r := newReader(t, labtest.NewAdmin(t).Server)
	r.mustRun(t, `bootctl setup --endpoint https://192.0.2.1:6443`)
	page := pages["docs/troubleshooting.md"]
	page.quotes(t, "23 ok, 0 warnings, 0 failures, 1 skipped", r.mustRun(t, "bootctl token create --wait >token; bootctl doctor"))
	r.follow(t, page.blocks...)
}

// runInstall runs the commands that load the completion.
func runInstall(t *testing.T, pages map[string]*page) {
	t.Helper()
	for _, b := range pages["docs/install.md"].below(t, "Completion", 3) {
		if b.lang != "fish" {
			newReader(t, nil).follow(t, b)
		}
	}
}
