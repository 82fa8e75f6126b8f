import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { loadSettings } from "../../../src/config/load.js";

const DIRECTORY = new URL("../../../deploy/kubernetes/", import.meta.url);

interface Manifest {
  readonly kind: string;
  readonly apiVersion: string;
  readonly metadata: { readonly name: string; readonly annotations?: Record<string, string> };
  // biome-ignore lint/suspicious/noExplicitAny: each kind has its own
  readonly spec: any;
}

function read(file: string): Manifest[] {
  return parseAllDocuments(readFileSync(new URL(file, DIRECTORY), "utf8"), { uniqueKeys: true }).map((document) => {
    expect([document.errors, document.warnings]).toEqual([[], []]);
    return document.toJS() as Manifest;
  });
}

const all = readdirSync(DIRECTORY).flatMap(read);
const [deployment] = all.filter(({ kind }) => kind === "Deployment") as [Manifest];
const { spec: pod } = deployment.spec.template;
const [container] = pod.containers;

function only(kind: string): Manifest {
  const [found] = all.filter((each) => each.kind === kind);
  if (!found) throw new Error(`no ${kind}`);
  return found;
}

test("every file holds manifests of the kinds that are documented", () => {
  const kinds = all.map(({ kind }) => kind).sort();
  expect(kinds).toEqual([
    "Deployment",
    "HorizontalPodAutoscaler",
    "Ingress",
    "Ingress",
    "PodDisruptionBudget",
    "Service",
  ]);
  for (const { apiVersion, metadata } of all) expect([typeof apiVersion, metadata.name]).toEqual(["string", "chat"]);
});

test("what selects the pods selects these", () => {
  const labels = deployment.spec.template.metadata.labels;
  expect(deployment.spec.selector.matchLabels).toEqual(labels);
  expect(only("Service").spec.selector).toEqual(labels);
  expect(only("PodDisruptionBudget").spec.selector.matchLabels).toEqual(labels);
  expect(only("HorizontalPodAutoscaler").spec.scaleTargetRef).toMatchObject({ kind: "Deployment", name: "chat" });
});

test("ports are called the same where they are opened, probed and sent to", () => {
  const names = container.ports.map((port: { name: string }) => port.name);
  expect(names).toContain(only("Service").spec.ports[0].targetPort);
  for (const probe of ["startupProbe", "readinessProbe", "livenessProbe"]) {
    expect(names).toContain(container[probe].httpGet.port);
    expect(["/readyz", "/livez"]).toContain(container[probe].httpGet.path);
  }
});

test("the settings in the environment are settings, and there is time for the drain", () => {
  const env = Object.fromEntries(container.env.map(({ name, value }: Record<string, string>) => [name, value]));
  const loaded = loadSettings([], env, { isTTY: false });
  if (loaded.kind !== "run") throw new Error(loaded.text);
  expect(loaded.warnings).toEqual([]);
  expect(loaded.settings.manage).toMatchObject({ host: "0.0.0.0", port: container.ports[1].containerPort });
  expect(loaded.settings.port).toBe(container.ports[0].containerPort);
  const pauseMs = Number(container.lifecycle.preStop.exec.command[1]) * 1_000;
  expect(pod.terminationGracePeriodSeconds * 1_000).toBeGreaterThan(pauseMs + loaded.settings.drainTimeoutMs);
});

test("of the two Ingresses one has affinity", () => {
  const affinities = all
    .filter(({ kind }) => kind === "Ingress")
    .map(({ metadata }) => metadata.annotations?.["nginx.ingress.kubernetes.io/affinity"]);
  expect(affinities.sort()).toEqual(["cookie", undefined]);
});
