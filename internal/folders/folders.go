// Package folders confines which files of this machine can be sent, and where received
// ones can be saved.
//
// A path that a model names is outside input: it may climb with .., lead through symbolic
// links, or name a device. So a path is never handed on. [Folders.Open] resolves it, finds
// the folder that holds it, and opens it below that folder in a way that no link, also one
// that is swapped in meanwhile, can lead out of ([os.Root]); what is sent is what was opened.
//
// Below a folder, nothing whose name begins with a dot is touched: keys, settings and the
// insides of repositories lie there. Nor is what belongs to the server itself.
package folders

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/user"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"

	"github.com/adrg/xdg"

	"github.com/flow-mcp/flow-mcp/flow"
)

// Options choose the folders.
type Options struct {
	// Send and Save are folders that files may be sent from and saved to, with everything
	// below them. Nil stands for the usual ones: those that the client names as its roots,
	// or else where the server was started and the Downloads folder.
	Send, Save []string
	// MaxBytes is the largest file; zero stands for what a message can carry.
	MaxBytes int64
	// Staging is where copies of files lie while they are sent. It is made when it is
	// missing, for the user alone; the system's place for temporary files when empty.
	Staging string
	// Closed are folders and files that are neither read nor written, wherever they lie:
	// the store with its key, say. They need not be there yet.
	Closed []string
}

// Folders are where files may be read and written.
type Folders struct {
	send, save       []string // resolved; of the usual ones where a client names no roots
	sendOwn, saveOwn bool     // chosen by a person, so that roots do not matter
	most             int64
	staging          string
	closed           []string
}

// New resolves the folders. A chosen one that is not there is an error.
func New(o Options) (*Folders, error) {
	f := &Folders{sendOwn: o.Send != nil, saveOwn: o.Save != nil, most: cmp.Or(o.MaxBytes, flow.MaxAttachment), staging: o.Staging}
	f.closed = slices.DeleteFunc(append(slices.Clone(o.Closed), o.Staging), func(path string) bool { return path == "" })
	var err error
	if f.send, err = chosen(o.Send); err != nil {
		return nil, err
	}
	if f.save, err = chosen(o.Save); err != nil {
		return nil, err
	}
	usual := usual()
	if !f.sendOwn {
		f.send = usual
	}
	if !f.saveOwn {
		f.save = usual
	}
	return f, nil
}

// chosen resolves folders that a person named. A ~ is the home directory.
func chosen(named []string) ([]string, error) {
	var all []string
	for _, name := range named {
		path, err := expand(name)
		if err != nil {
			return nil, fmt.Errorf("the folder %s cannot be used: %w", name, err)
		}
		if !filepath.IsAbs(path) {
			return nil, fmt.Errorf("the folder %s cannot be used: give an absolute path, or one that begins with ~/", name)
		}
		real, err := resolve(path)
		if err != nil {
			return nil, fmt.Errorf("the folder %s cannot be used: %w", name, Reason(err))
		}
		all = append(all, real)
	}
	return all, nil
}

// Absolute returns the whole of a path that a person wrote: a ~ is the home directory, and
// what is relative begins where the server was started.
func Absolute(path string) (string, error) {
	path, err := expand(path)
	if err != nil {
		return "", err
	}
	return filepath.Abs(path)
}

// expand puts the home directory in place of a ~. One that is all of the machine is none.
func expand(path string) (string, error) {
	rest, ok := strings.CutPrefix(path, "~")
	if !ok || rest != "" && !os.IsPathSeparator(rest[0]) {
		return path, nil
	}
	if isRoot(xdg.Home) {
		return "", errors.New("there is no home directory that ~ could stand for; give an absolute path")
	}
	return filepath.Join(xdg.Home, rest), nil
}

// isRoot reports whether nothing is above a folder.
func isRoot(folder string) bool { return filepath.Dir(folder) == folder }

// usual returns the folders of a server that nobody told of any: where it was started,
// unless that is the home directory or above, and Downloads.
func usual() []string {
	var all []string
	if here, err := os.Getwd(); err == nil {
		if real, err := resolve(here); err == nil && !holdsHome(real) {
			all = append(all, real)
		}
	}
	if real, err := resolve(xdg.UserDirs.Download); err == nil && !holdsHome(real) {
		all = append(all, real)
	}
	return all
}

// holdsHome reports whether a folder is, or is above, the home directory: the one that the
// environment names or the one that the system knows, which need not be the same. Where
// neither is there, any folder may be.
func holdsHome(folder string) bool {
	if isRoot(folder) {
		return true
	}
	homes := []string{xdg.Home}
	if me, err := user.Current(); err == nil && me.HomeDir != "" {
		homes = append(homes, me.HomeDir)
	}
	found := false
	for _, home := range homes {
		home, err := resolve(home)
		if err != nil {
			continue
		}
		found = true
		if _, inside := below(folder, home); inside {
			return true
		}
	}
	return !found
}

// resolve returns where a folder really is.
func resolve(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	if path, err = filepath.EvalSymlinks(path); err != nil {
		return "", err
	}
	info, err := os.Stat(path)
	if err == nil && !info.IsDir() {
		err = errors.New("it is no folder")
	}
	return path, err
}

// below returns the path from folder to path, if it leads down.
func below(folder, path string) (string, bool) {
	rel, err := filepath.Rel(folder, path)
	return rel, err == nil && filepath.IsLocal(rel)
}

// Roots reads the addresses of folders that a client names. Those that are no folders of
// this machine are left out, and all of the machine is: clients that were started nowhere
// in particular name that.
func Roots(uris []string) []string {
	all := []string{}
	for _, uri := range uris {
		u, err := url.Parse(uri)
		if err != nil || u.Scheme != "file" || u.Host != "" && u.Host != "localhost" || u.Path == "" {
			continue
		}
		if strings.ContainsAny(uri, "?#") { // of a path that was not escaped, the rest would name another folder
			continue
		}
		path := u.Path
		if runtime.GOOS == "windows" {
			path = strings.TrimPrefix(path, "/")
		}
		if real, err := resolve(filepath.FromSlash(path)); err == nil && !isRoot(real) {
			all = append(all, real)
		}
	}
	return all
}

// WantRoots reports whether it matters which roots a client has.
func (f *Folders) WantRoots() bool { return !f.sendOwn || !f.saveOwn }

// sources and targets are the folders that count for a client with these roots; nil is a
// client that names none.
func (f *Folders) sources(roots []string) []string {
	if f.sendOwn || roots == nil {
		return f.send
	}
	return roots
}

func (f *Folders) targets(roots []string) []string {
	if f.saveOwn || roots == nil {
		return f.save
	}
	return roots
}

// Open opens a regular file to be sent.
func (f *Folders) Open(path string, roots []string) (*os.File, error) {
	root, rel, err := f.enter(f.sources(roots), path, "sent from")
	if err != nil {
		return nil, err
	}
	defer root.Close()
	file, err := root.OpenFile(rel, os.O_RDONLY|syscall.O_NONBLOCK, 0) // a pipe must not make it wait
	if err != nil {
		return nil, flow.Errorf(flow.NotFound, "%q cannot be opened: %v", path, Reason(err))
	}
	if err := f.proper(root, rel, file); err != nil {
		file.Close()
		return nil, flow.Errorf(flow.Invalid, "%q cannot be sent: %v", path, err)
	}
	return file, nil
}

// proper refuses what is no regular file of a fair size. What was resolved before must
// still be there itself: no link that took its place, to a hidden file perhaps.
func (f *Folders) proper(root *os.Root, rel string, file *os.File) error {
	info, err := file.Stat()
	if err != nil {
		return Reason(err)
	}
	there, err := root.Lstat(rel)
	switch {
	case err != nil:
		return Reason(err)
	case info.IsDir():
		return errors.New("it is a folder; give the path of a file in it")
	case !info.Mode().IsRegular():
		return errors.New("it is no regular file")
	case !os.SameFile(info, there):
		return errors.New("it was replaced meanwhile")
	case info.Size() > f.most:
		return fmt.Errorf("it has %d bytes, and at most %d are allowed", info.Size(), f.most)
	}
	return nil
}

// Folder opens a folder to save a file in.
func (f *Folders) Folder(path string, roots []string) (*os.Root, error) {
	root, rel, err := f.enter(f.targets(roots), path, "saved to")
	if err != nil {
		return nil, err
	}
	defer root.Close()
	inner, err := root.OpenRoot(rel)
	if err != nil {
		return nil, flow.Errorf(flow.NotFound, "the folder %q cannot be opened: %v", path, Reason(err))
	}
	return inner, nil
}

// Target returns where a path for a new file really leads.
func (f *Folders) Target(path string, roots []string) (string, error) {
	name := filepath.Base(path)
	if strings.HasPrefix(name, ".") || name == string(filepath.Separator) || !filepath.IsLocal(name) {
		return "", flow.Errorf(flow.Invalid, "%q names no file that can be saved", path)
	}
	root, rel, err := f.enter(f.targets(roots), filepath.Dir(path), "saved to")
	if err != nil {
		return "", err
	}
	defer root.Close()
	return filepath.Join(root.Name(), rel, name), nil
}

// AtMost returns how many bytes a file may have that is received: most, or fewer where a
// person has said so.
func (f *Folders) AtMost(most int64) int64 { return min(most, f.most) }

// enter opens the folder that holds a path, and returns the rest of the way.
func (f *Folders) enter(folders []string, path, what string) (*os.Root, string, error) {
	if !filepath.IsAbs(path) {
		return nil, "", flow.Errorf(flow.Invalid, "%q is relative; give the absolute path", path)
	}
	real, err := filepath.EvalSymlinks(path)
	outside := true
	for _, folder := range folders {
		if err != nil {
			// That something is missing is told of the folders alone: elsewhere it would
			// tell what there is.
			if _, inside := below(folder, filepath.Clean(path)); inside {
				return nil, "", flow.Errorf(flow.NotFound, "there is no %q; look at how it is written", path)
			}
			continue
		}
		rel, inside := below(folder, real)
		outside = outside && !inside
		if !inside || hidden(rel) {
			continue
		}
		if f.shut(real) {
			return nil, "", flow.Errorf(flow.Denied, "%q belongs to this server itself, whose store and settings are not touched", path)
		}
		root, err := os.OpenRoot(folder)
		if err != nil {
			return nil, "", flow.Errorf(flow.Unusable, "the folder %q cannot be opened: %v", folder, Reason(err))
		}
		return root, rel, nil
	}
	if !outside {
		return nil, "", flow.Errorf(flow.Denied, "%q lies in a hidden place, whose name begins with a dot; such files are not touched", path)
	}
	return nil, "", flow.Errorf(flow.Denied, "%q is not in a folder that files may be %s; %s", path, what, list(folders))
}

// shut reports whether a resolved path is one of those that are closed, or lies in one.
// Files are compared, and not their names, which may be spelled in several ways.
func (f *Folders) shut(real string) bool {
	var closed []os.FileInfo
	for _, path := range f.closed {
		if info, err := os.Stat(path); err == nil {
			closed = append(closed, info)
		}
	}
	for {
		info, err := os.Stat(real)
		if err == nil && slices.ContainsFunc(closed, func(c os.FileInfo) bool { return os.SameFile(c, info) }) {
			return true
		}
		up := filepath.Dir(real)
		if up == real {
			return false
		}
		real = up
	}
}

// hidden reports whether a part of a path begins with a dot.
func hidden(rel string) bool {
	return rel != "." && slices.ContainsFunc(strings.Split(filepath.ToSlash(rel), "/"), func(part string) bool {
		return strings.HasPrefix(part, ".")
	})
}

func list(folders []string) string {
	if len(folders) == 0 {
		return noFolder
	}
	return "these are: " + quoted(folders)
}

const noFolder = "there is none; a person can name some with --folder or in the policy"

func quoted(folders []string) string {
	all := make([]string, len(folders))
	for i, folder := range folders {
		all[i] = fmt.Sprintf("%q", folder)
	}
	return strings.Join(all, ", ")
}

// Describe says in a sentence each where files may be sent from and saved to, for a client
// with these roots; nil is one that names none.
func (f *Folders) Describe(roots []string) []string {
	say := func(what string, folders []string) string {
		if len(folders) == 0 {
			return "Files can be " + what + " no folder: " + noFolder
		}
		return "Files can be " + what + " " + quoted(folders)
	}
	return []string{say("sent from", f.sources(roots)), say("saved to", f.targets(roots))}
}

// Reason is what the system says is wrong with a file, without the path, which is known.
func Reason(err error) error {
	if path, ok := errors.AsType[*os.PathError](err); ok {
		return path.Err
	}
	if link, ok := errors.AsType[*os.LinkError](err); ok {
		return link.Err
	}
	return err
}
