package vmtest

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWorkDirOfTheLivingStays(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	first, err := newWorkDir()
	require.NoError(t, err)
	second, err := newWorkDir() // collects
	require.NoError(t, err)
	require.DirExists(t, first.Path)
	require.NotEqual(t, first.Path, second.Path)
	require.NoError(t, first.Close())
	require.NoDirExists(t, first.Path)
	require.DirExists(t, second.Path)
	require.NoError(t, second.Close())
}

func TestWorkDirOfTheDeadIsCollected(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	killed, err := newWorkDir()
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(killed.Path, "scratch"), []byte("x"), 0o600))
	require.NoError(t, killed.lock.Close()) // as the kernel does for a process that dies

	unlocked := filepath.Join(temp, workPrefix+"new") // its owner has not locked it yet
	require.NoError(t, os.Mkdir(unlocked, 0o700))
	other := filepath.Join(temp, "other")
	require.NoError(t, os.Mkdir(other, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(other, "lock"), nil, 0o600))

	w, err := newWorkDir()
	require.NoError(t, err)
	defer w.Close()
	require.NoDirExists(t, killed.Path)
	require.DirExists(t, unlocked)
	require.DirExists(t, other)
}

func TestWorkDirWithoutTemp(t *testing.T) {
	t.Setenv("TMPDIR", filepath.Join(t.TempDir(), "nosuch"))
	_, err := newWorkDir()
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestOutIsLocked(t *testing.T) {
	out := filepath.Join(t.TempDir(), "a", "out")
	lock, err := lockOut(out)
	require.NoError(t, err)
	_, err = lockOut(out)
	require.EqualError(t, err, "output directory "+out+" is used by another run (choose another one with --out)")
	require.NoError(t, lock.Close())
	lock, err = lockOut(out)
	require.NoError(t, err)
	require.NoError(t, lock.Close())
}
