package manifests

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

const dir = "../../vmtest/docs/kubernetes"

// decode takes a manifest as strictly as an API server that is asked to: no
// unknown field, no key twice, no value of another type.
func decode[T any](t *testing.T, name, kind string) T {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, name))
	require.NoError(t, err)
	require.Equal(t, 1, strings.Count(string(data), "apiVersion:"), "one object in a file")
	var head metav1.TypeMeta
	require.NoError(t, yaml.Unmarshal(data, &head))
	require.Equal(t, kind, head.APIVersion+" "+head.Kind)
	var object T
	require.NoError(t, yaml.UnmarshalStrict(data, &object), name)
	return object
}

func job(t *testing.T, name string) batchv1.Job {
	return decode[batchv1.Job](t, name, "batch/v1 Job")
}

func TestEveryManifestIsChecked(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
	require.NoError(t, err)
	var names []string
	for _, file := range files {
		names = append(names, filepath.Base(file))
	}
	require.Equal(t, []string{"kvm.yaml", "merge.yaml", "prepare.yaml", "run.yaml", "storage.yaml"}, names)
}

// TestStrict shows that a mistyped field is found.
func TestStrict(t *testing.T) {
	var j batchv1.Job
	require.Error(t, yaml.UnmarshalStrict([]byte("spec: {completion: 5}"), &j))
	require.Error(t, yaml.UnmarshalStrict([]byte("spec: {completions: five}"), &j))
	require.Error(t, yaml.UnmarshalStrict([]byte("spec: {completions: 5, completions: 5}"), &j))
}

func TestJobs(t *testing.T) {
	claim := decode[corev1.PersistentVolumeClaim](t, "storage.yaml", "v1 PersistentVolumeClaim")
	for _, name := range []string{"prepare.yaml", "run.yaml", "merge.yaml"} {
		t.Run(name, func(t *testing.T) {
			j := job(t, name)
			pod := j.Spec.Template.Spec
			require.Equal(t, corev1.RestartPolicyNever, pod.RestartPolicy)
			require.False(t, *pod.AutomountServiceAccountToken)
			require.NotNil(t, j.Spec.ActiveDeadlineSeconds, "no job waits for ever")
			require.Len(t, pod.Containers, 1)
			c := pod.Containers[0]
			require.NotEmpty(t, c.Image)
			require.False(t, c.Resources.Limits.Memory().IsZero())
			require.False(t, *c.SecurityContext.AllowPrivilegeEscalation)
			require.Equal(t, []corev1.Capability{"ALL"}, c.SecurityContext.Capabilities.Drop)
			volumes := map[string]corev1.Volume{}
			for _, v := range pod.Volumes {
				volumes[v.Name] = v
			}
			require.Equal(t, claim.Name, volumes["work"].PersistentVolumeClaim.ClaimName)
			for _, m := range c.VolumeMounts {
				require.Contains(t, volumes, m.Name)
			}
		})
	}
}

// TestUnprivileged: only the pod that builds the root disk may do anything.
func TestUnprivileged(t *testing.T) {
	for _, name := range []string{"run.yaml", "merge.yaml"} {
		pod := job(t, name).Spec.Template.Spec
		s := pod.Containers[0].SecurityContext
		require.Empty(t, s.Capabilities.Add)
		require.True(t, *s.ReadOnlyRootFilesystem)
		require.Equal(t, corev1.SeccompProfileTypeRuntimeDefault, s.SeccompProfile.Type)
		require.Nil(t, s.Privileged)
		require.False(t, pod.HostNetwork || pod.HostPID || pod.HostIPC)
		for _, v := range pod.Volumes {
			require.Nil(t, v.HostPath)
		}
	}
}

// TestShards: as many pods as the command says there are shards, no pod may end
// the others, and each writes to where the merge looks.
func TestShards(t *testing.T) {
	j := job(t, "run.yaml")
	require.Equal(t, batchv1.IndexedCompletion, *j.Spec.CompletionMode)
	n := *j.Spec.Completions
	require.Equal(t, n, *j.Spec.Parallelism)
	require.Equal(t, n, *j.Spec.MaxFailedIndexes)
	command := strings.Join(j.Spec.Template.Spec.Containers[0].Args, " ")
	require.Contains(t, command, fmt.Sprintf(`--shard "$((JOB_COMPLETION_INDEX + 1))/%d"`, n))
	require.Contains(t, command, `--out "/vmtest-data/shards/$JOB_COMPLETION_INDEX"`)
	require.Contains(t, job(t, "merge.yaml").Spec.Template.Spec.Containers[0].Args[0], "/vmtest-data/shards/*/report.json --out /vmtest-data/report")
	for _, rule := range j.Spec.PodFailurePolicy.Rules {
		if rule.OnExitCodes != nil {
			require.Equal(t, j.Spec.Template.Spec.Containers[0].Name, *rule.OnExitCodes.ContainerName)
			require.NotContains(t, rule.OnExitCodes.Values, int32(128), "our own fault is worth another try")
		}
	}
}

// TestKVMPatch: the patch meets the container that it is for.
func TestKVMPatch(t *testing.T) {
	patch, run := job(t, "kvm.yaml"), job(t, "run.yaml")
	require.Equal(t, run.Name, patch.Name)
	require.Equal(t, run.Spec.Template.Spec.Containers[0].Name, patch.Spec.Template.Spec.Containers[0].Name)
	require.Contains(t, patch.Spec.Template.Spec.Containers[0].Resources.Limits, corev1.ResourceName("devices.kubevirt.io/kvm"))
}

// TestPageNamesTheManifests: each file and each job that the page names is there.
func TestPageNamesTheManifests(t *testing.T) {
	page, err := os.ReadFile(dir + ".md")
	require.NoError(t, err)
	for _, file := range regexp.MustCompile(`[a-z]+\.yaml`).FindAllString(string(page), -1) {
		require.FileExists(t, filepath.Join(dir, file))
	}
	for _, name := range []string{"prepare.yaml", "run.yaml", "merge.yaml"} {
		require.Contains(t, string(page), "`"+job(t, name).Name+"`")
	}
}
