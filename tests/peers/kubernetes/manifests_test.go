// Package kubernetes tests that the manifests of deploy/kubernetes are what Kubernetes takes, by its own types, and that
// they fit each other. What a cluster makes of them, tests/peers/cluster looks at.
package kubernetes

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/yaml"
)

const folder = "../../../deploy/kubernetes"

// A field that there is none of, one that is there twice and one of another type are errors.
func decode(text []byte) ([]runtime.Object, error) {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		appsv1.AddToScheme, batchv1.AddToScheme, corev1.AddToScheme, policyv1.AddToScheme, rbacv1.AddToScheme,
	} {
		if err := add(scheme); err != nil {
			return nil, err
		}
	}
	decoder := serializer.NewCodecFactory(scheme, serializer.EnableStrict).UniversalDeserializer()
	documents := yaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(text)))
	var objects []runtime.Object
	for {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return objects, nil
		}
		if err != nil {
			return nil, err
		}
		object, _, err := decoder.Decode(document, nil, nil)
		if err != nil {
			return nil, err
		}
		objects = append(objects, object)
	}
}

func read(t *testing.T) map[string][]byte {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(folder, "*.yaml"))
	if err != nil || len(paths) < 3 {
		t.Fatalf("%d manifests in %s: %v", len(paths), folder, err)
	}
	texts := map[string][]byte{}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		texts[filepath.Base(path)] = text
	}
	return texts
}

func all(t *testing.T) []runtime.Object {
	t.Helper()
	var objects []runtime.Object
	for name, text := range read(t) {
		decoded, err := decode(text)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		objects = append(objects, decoded...)
	}
	return objects
}

func of[T runtime.Object](objects []runtime.Object) []T {
	var found []T
	for _, object := range objects {
		if one, is := object.(T); is {
			found = append(found, one)
		}
	}
	return found
}

func TestKubernetesTakesEveryField(t *testing.T) {
	if found := len(all(t)); found < 10 {
		t.Fatalf("only %d objects", found)
	}
}

// A check that finds nothing might be one that looks at nothing.
func TestWhatIsDoctoredIsRefused(t *testing.T) {
	texts := read(t)
	for _, change := range []struct{ file, from, to string }{
		{"service.yaml", "readOnlyRootFilesystem: true", "readOnlyRootFileSystem: true"},
		{"service.yaml", "runAsUser: 65534", "runAsUser: nobody"},
		{"service.yaml", "  replicas: 3", "  replicas: 3\n  replicas: 4"},
		{"sidecar.yaml", "restartPolicy: Always", "restartsPolicy: Always"},
		{"rotator.yaml", "concurrencyPolicy: Forbid", "concurrency: Forbid"},
		{"rotator.yaml", "apiVersion: batch/v1", "apiVersion: batch/v1beta1"},
	} {
		text := string(texts[change.file])
		doctored := strings.Replace(text, change.from, change.to, 1)
		if doctored == text {
			t.Errorf("%s does not say %q", change.file, change.from)
		} else if _, err := decode([]byte(doctored)); err == nil {
			t.Errorf("%s is taken with %q", change.file, change.to)
		}
	}
}

type pod struct {
	name, namespace string
	labels          map[string]string
	spec            corev1.PodSpec
}

func pods(objects []runtime.Object) []pod {
	var found []pod
	for _, one := range of[*appsv1.Deployment](objects) {
		found = append(found, pod{one.Name, one.Namespace, one.Spec.Template.Labels, one.Spec.Template.Spec})
	}
	for _, one := range of[*batchv1.CronJob](objects) {
		template := one.Spec.JobTemplate.Spec.Template
		found = append(found, pod{one.Name, one.Namespace, template.Labels, template.Spec})
	}
	return found
}

func (p pod) containers() []corev1.Container {
	return slices.Concat(p.spec.InitContainers, p.spec.Containers)
}

func TestPodsHaveWhatTheirContainersAskFor(t *testing.T) {
	objects := all(t)
	found := pods(objects)
	if len(found) != 3 {
		t.Fatalf("%d pods", len(found))
	}
	for _, pod := range found {
		if account := pod.spec.ServiceAccountName; account != "" && !hasAccount(objects, pod.namespace, account) {
			t.Errorf("%s: there is no service account %s", pod.name, account)
		}
		volumes := map[string]bool{}
		for _, volume := range pod.spec.Volumes {
			volumes[volume.Name] = false
		}
		for _, container := range pod.containers() {
			at := pod.name + "/" + container.Name
			for _, mount := range container.VolumeMounts {
				if _, is := volumes[mount.Name]; !is {
					t.Errorf("%s mounts %s, which is no volume", at, mount.Name)
				}
				if mount.SubPath != "" {
					t.Errorf("%s mounts a subPath, which is never updated", at)
				}
				volumes[mount.Name] = true
			}
			for _, probe := range []*corev1.Probe{container.StartupProbe, container.ReadinessProbe, container.LivenessProbe} {
				if probe != nil && (probe.HTTPGet == nil || !hasPort(container, probe.HTTPGet.Port)) {
					t.Errorf("%s is probed elsewhere than at a port of it: %v", at, probe.ProbeHandler)
				}
			}
		}
		for name, mounted := range volumes {
			if !mounted {
				t.Errorf("%s: nobody mounts %s", pod.name, name)
			}
		}
	}
}

// What the application writes is its own affair; all else is what Pod Security's `restricted` asks for.
func TestContainersMayDoNothing(t *testing.T) {
	seen := 0
	for _, pod := range pods(all(t)) {
		for _, container := range pod.containers() {
			seen++
			may := container.SecurityContext
			readOnly := container.Image == "shop" || may != nil && may.ReadOnlyRootFilesystem != nil && *may.ReadOnlyRootFilesystem
			if may == nil || may.AllowPrivilegeEscalation == nil || *may.AllowPrivilegeEscalation || !readOnly ||
				may.RunAsNonRoot == nil || !*may.RunAsNonRoot ||
				may.Capabilities == nil || !slices.Equal(may.Capabilities.Drop, []corev1.Capability{"ALL"}) ||
				may.SeccompProfile == nil || may.SeccompProfile.Type != corev1.SeccompProfileTypeRuntimeDefault {
				t.Errorf("%s/%s may do more than it needs to: %+v", pod.name, container.Name, may)
			}
		}
	}
	if seen < 6 {
		t.Errorf("only %d containers", seen)
	}
}

func TestSelectorsAndPortsMeetTheirPods(t *testing.T) {
	objects := all(t)
	for _, deployment := range of[*appsv1.Deployment](objects) {
		selects(t, objects, deployment.Name, deployment.Namespace, deployment.Spec.Selector)
	}
	for _, budget := range of[*policyv1.PodDisruptionBudget](objects) {
		selects(t, objects, budget.Name, budget.Namespace, budget.Spec.Selector)
	}
	services := of[*corev1.Service](objects)
	if len(services) != 2 {
		t.Fatalf("%d services", len(services))
	}
	for _, service := range services {
		chosen := selects(t, objects, service.Name, service.Namespace, &metav1.LabelSelector{MatchLabels: service.Spec.Selector})
		for _, port := range service.Spec.Ports {
			meets := func(container corev1.Container) bool { return hasPort(container, port.TargetPort) }
			for _, pod := range chosen {
				if !slices.ContainsFunc(pod.containers(), meets) {
					t.Errorf("service %s: no container of %s has a port %s", service.Name, pod.name, port.TargetPort.String())
				}
			}
		}
	}
}

func TestRolesAreBoundToAccountsThatThereAre(t *testing.T) {
	objects := all(t)
	bindings := of[*rbacv1.RoleBinding](objects)
	if len(bindings) != 2 {
		t.Fatalf("%d bindings", len(bindings))
	}
	for _, binding := range bindings {
		is := func(role *rbacv1.Role) bool {
			reference := rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: role.Name}
			return role.Namespace == binding.Namespace && binding.RoleRef == reference
		}
		if !slices.ContainsFunc(of[*rbacv1.Role](objects), is) {
			t.Errorf("%s: there is no role %s", binding.Name, binding.RoleRef.Name)
		}
		for _, subject := range binding.Subjects {
			if subject.Kind != rbacv1.ServiceAccountKind || !hasAccount(objects, subject.Namespace, subject.Name) {
				t.Errorf("%s: there is no service account %s", binding.Name, subject.Name)
			}
		}
	}
	for _, role := range of[*rbacv1.Role](objects) {
		for _, rule := range role.Rules {
			if slices.Contains(rule.Resources, "*") || slices.Contains(rule.Verbs, "*") || len(rule.ResourceNames) == 0 {
				t.Errorf("%s allows more than named secrets: %+v", role.Name, rule)
			}
		}
	}
}

// The pods of one selector, of which there has to be one.
func selects(t *testing.T, objects []runtime.Object, name, namespace string, of *metav1.LabelSelector) []pod {
	t.Helper()
	selector, err := metav1.LabelSelectorAsSelector(of)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	var chosen []pod
	for _, pod := range pods(objects) {
		if pod.namespace == namespace && selector.Matches(labels.Set(pod.labels)) && !selector.Empty() {
			chosen = append(chosen, pod)
		}
	}
	if len(chosen) != 1 {
		t.Errorf("%s selects %d pods", name, len(chosen))
	}
	return chosen
}

func hasPort(container corev1.Container, port intstr.IntOrString) bool {
	return slices.ContainsFunc(container.Ports, func(one corev1.ContainerPort) bool {
		if port.Type == intstr.String {
			return one.Name == port.StrVal
		}
		return one.ContainerPort == port.IntVal
	})
}

func hasAccount(objects []runtime.Object, namespace, name string) bool {
	return slices.ContainsFunc(of[*corev1.ServiceAccount](objects), func(account *corev1.ServiceAccount) bool {
		return account.Namespace == namespace && account.Name == name
	})
}
