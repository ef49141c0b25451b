package reference

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"slices"
	"strings"

	"golang.org/x/tools/go/packages"
)

// groupComment is how the comment of a group's interface goes on after its name.
const groupComment = " is the group of "

const flowPackage = "github.com/flow-mcp/flow-mcp/flow"

// source is what only the text of package flow says.
type source struct {
	comments  map[string]string // of types, by name
	groups    map[string]string // the interface of a group, by the file
	constants []fixed           // in the order of the files
}

// fixed is an exported constant.
type fixed struct {
	name, kind, comment string
	value               constant.Value
	file                string
	at                  token.Pos
}

// readSource loads package flow.
func readSource() (*source, error) {
	list, err := packages.Load(&packages.Config{
		Mode: packages.NeedName | packages.NeedSyntax | packages.NeedTypes | packages.NeedTypesInfo | packages.NeedFiles,
	}, flowPackage)
	if err != nil {
		return nil, fmt.Errorf("load package flow: %w", err)
	}
	pkg := list[0]
	if len(pkg.Errors) > 0 {
		return nil, fmt.Errorf("load package flow: %w", pkg.Errors[0])
	}
	s := &source{comments: map[string]string{}, groups: map[string]string{}}
	for _, file := range pkg.Syntax {
		for _, d := range file.Decls {
			if declaration, ok := d.(*ast.GenDecl); ok {
				s.read(pkg, declaration)
			}
		}
	}
	slices.SortFunc(s.constants, func(a, b fixed) int {
		return cmp.Or(cmp.Compare(a.file, b.file), cmp.Compare(a.at, b.at))
	})
	return s, nil
}

func (s *source) read(pkg *packages.Package, d *ast.GenDecl) {
	for _, spec := range d.Specs {
		switch spec := spec.(type) {
		case *ast.TypeSpec:
			s.comments[spec.Name.Name] = plain(comment(d, spec.Doc))
			if strings.HasPrefix(s.comments[spec.Name.Name], spec.Name.Name+groupComment) {
				s.groups[pkg.Fset.Position(spec.Pos()).Filename] = spec.Name.Name
			}
		case *ast.ValueSpec:
			for _, name := range spec.Names {
				known, ok := pkg.TypesInfo.Defs[name].(*types.Const)
				if !ok || !known.Exported() {
					continue
				}
				_, kind, _ := strings.Cut(known.Type().String(), flowPackage+".")
				s.constants = append(s.constants, fixed{
					name.Name, kind, plain(comment(d, spec.Doc)), known.Val(),
					pkg.Fset.Position(name.Pos()).Filename, name.Pos(),
				})
			}
		}
	}
}

// comment is what stands above a declaration: above its own line, or above the whole when
// that is all there is.
func comment(d *ast.GenDecl, own *ast.CommentGroup) string {
	if own == nil {
		own = d.Doc
	}
	return own.Text()
}

// plain puts a comment on one line, without the brackets of links to other names.
func plain(text string) string {
	var words []string
	for _, word := range strings.Fields(text) {
		if inner, ok := strings.CutPrefix(word, "["); ok {
			if name, rest, ok := strings.Cut(inner, "]"); ok && !strings.HasPrefix(rest, "(") {
				word = name + rest
			}
		}
		words = append(words, word)
	}
	return strings.Join(words, " ")
}

// of returns the constants of a type of package flow.
func (s *source) of(kind string) []fixed {
	var some []fixed
	for _, c := range s.constants {
		if c.kind == kind {
			some = append(some, c)
		}
	}
	return some
}

// limits returns the constants that bound something.
func (s *source) limits() []fixed {
	var some []fixed
	for _, c := range s.of("") {
		if strings.HasPrefix(c.name, "Max") || strings.HasSuffix(c.name, "Cap") {
			some = append(some, c)
		}
	}
	return some
}
