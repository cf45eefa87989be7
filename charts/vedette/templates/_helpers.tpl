{{/* Names, labels and what both workloads share. */}}
{{- define "vedette.fullname" -}}
{{- if .Values.fullnameOverride }}{{ .Values.fullnameOverride | trunc 50 | trimSuffix "-" }}
{{- else }}{{ $name := default .Chart.Name .Values.nameOverride }}
{{- if contains $name .Release.Name }}{{ .Release.Name | trunc 50 | trimSuffix "-" }}{{ else }}{{ printf "%s-%s" .Release.Name $name | trunc 50 | trimSuffix "-" }}{{ end }}
{{- end }}
{{- end }}
{{- define "vedette.selector" -}}
app.kubernetes.io/name: {{ default .Chart.Name .Values.nameOverride }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}
{{- define "vedette.labels" -}}
{{ include "vedette.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
vedette.dev/group: {{ .Values.group }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}
{{/* Metadata of an object: a dict of context and name; component, labels and annotations if it has any. */}}
{{- define "vedette.metadata" -}}
name: {{ .name }}
labels:
{{ include "vedette.labels" .context | indent 2 }}
  {{- with .component }}
  app.kubernetes.io/component: {{ . }}
  {{- end }}
  {{- with .labels }}
{{ toYaml . | indent 2 }}
  {{- end }}
{{- with merge (deepCopy (default dict .annotations)) .context.Values.commonAnnotations }}
annotations:
{{ toYaml . | indent 2 }}
{{- end }}
{{- end }}
{{- define "vedette.image" -}}
{{- if .Values.image.digest }}{{ .Values.image.repository }}@{{ .Values.image.digest }}{{ else }}{{ .Values.image.repository }}:{{ default .Chart.AppVersion .Values.image.tag }}{{ end }}
{{- end }}
{{- define "vedette.serviceAccount" -}}
{{- default (printf "%s-sentinel" (include "vedette.fullname" .)) .Values.serviceAccount.name }}
{{- end }}
{{- define "vedette.authSecret" -}}
{{- default (printf "%s-auth" (include "vedette.fullname" .)) .Values.auth.existingSecret }}
{{- end }}
{{- define "vedette.authKey" -}}
{{- if .Values.auth.existingSecret }}{{ .Values.auth.existingSecretKey }}{{ else }}password{{ end }}
{{- end }}
{{- define "vedette.gossipSecret" -}}
{{- default (printf "%s-gossip" (include "vedette.fullname" .)) .Values.gossip.existingSecret }}
{{- end }}
{{- define "vedette.serverDomain" -}}
{{ include "vedette.fullname" . }}-server-headless.{{ .Release.Namespace }}.svc.{{ .Values.clusterDomain }}
{{- end }}
{{- define "vedette.sentinelDomain" -}}
{{ include "vedette.fullname" . }}-sentinel-headless.{{ .Release.Namespace }}.svc.{{ .Values.clusterDomain }}
{{- end }}
{{- define "vedette.quorum" -}}
{{- if .Values.sentinel.quorum }}{{ .Values.sentinel.quorum }}{{ else }}{{ add (div (int .Values.sentinel.replicas) 2) 1 }}{{ end }}
{{- end }}
{{/* Affinity of a workload: a dict of context, component and the workload's values. */}}
{{- define "vedette.affinity" -}}
{{- $term := dict "labelSelector" (dict "matchLabels" (merge (include "vedette.selector" .context | fromYaml) (dict "app.kubernetes.io/component" .component))) "topologyKey" .values.antiAffinityTopologyKey }}
{{- $anti := dict }}
{{- if eq .values.antiAffinity "required" }}{{ $anti = dict "podAntiAffinity" (dict "requiredDuringSchedulingIgnoredDuringExecution" (list $term)) }}
{{- else if eq .values.antiAffinity "preferred" }}{{ $anti = dict "podAntiAffinity" (dict "preferredDuringSchedulingIgnoredDuringExecution" (list (dict "weight" 100 "podAffinityTerm" $term))) }}
{{- end }}
{{- with merge (deepCopy .values.affinity) $anti }}
affinity:
{{ toYaml . | indent 2 }}
{{- end }}
{{- end }}
{{/* What pods of both kinds have in their spec: a dict of context, component and the workload's values. */}}
{{- define "vedette.podSpec" -}}
{{- $root := .context }}
{{- with $root.Values.image.pullSecrets }}
imagePullSecrets:
{{- range . }}
  - name: {{ . }}
{{- end }}
{{- end }}
securityContext:
{{ toYaml $root.Values.podSecurityContext | indent 2 }}
enableServiceLinks: false
terminationGracePeriodSeconds: {{ .values.terminationGracePeriodSeconds }}
{{- with .values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .values.nodeSelector }}
nodeSelector:
{{ toYaml . | indent 2 }}
{{- end }}
{{- with .values.tolerations }}
tolerations:
{{ toYaml . | indent 2 }}
{{- end }}
{{- include "vedette.affinity" . }}
{{- if .values.topologySpreadConstraints }}
topologySpreadConstraints:
{{- $labels := merge (include "vedette.selector" .context | fromYaml) (dict "app.kubernetes.io/component" .component) }}
{{- range .values.topologySpreadConstraints }}
{{ list (merge (deepCopy .) (dict "labelSelector" (dict "matchLabels" $labels))) | toYaml | indent 2 }}
{{- end }}
{{- end }}
{{- with .values.initContainers }}
initContainers:
{{ toYaml . | indent 2 }}
{{- end }}
{{- end }}
{{/* A template of a volume claim, or an empty folder: a dict of context, component and the workload's values. */}}
{{- define "vedette.claims" -}}
{{- $p := .values.persistence }}
{{- if $p.enabled }}
persistentVolumeClaimRetentionPolicy: { whenDeleted: {{ $p.whenDeleted }}, whenScaled: {{ $p.whenScaled }} }
volumeClaimTemplates:
  - metadata:
      name: data
      labels:
{{ include "vedette.selector" .context | indent 8 }}
        app.kubernetes.io/component: {{ .component }}
    spec:
      accessModes: {{ toJson $p.accessModes }}
      {{- with $p.storageClass }}
      storageClassName: {{ . | quote }}
      {{- end }}
      resources: { requests: { storage: {{ $p.size }} } }
{{- end }}
{{- end }}
{{/* Environment of both: the pod's name, the password. */}}
{{- define "vedette.env" -}}
- name: POD_NAME
  valueFrom: { fieldRef: { fieldPath: metadata.name } }
{{- if and .context.Values.auth.enabled (not (include "vedette.passwordFile" .context)) }}
- name: VEDETTE_PASSWORD
  valueFrom: { secretKeyRef: { name: {{ include "vedette.authSecret" .context }}, key: {{ include "vedette.authKey" .context }} } }
{{- end }}
{{- with .values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end }}
{{/* Where the password is as a file; empty: it is an argument. */}}
{{- define "vedette.passwordFile" -}}
{{- with .Values.auth }}{{ if and .enabled (or .fromFile .usersSecret) }}/run/vedette/auth/password{{ end }}{{ end }}
{{- end }}
{{/* The arguments that name the file of users. */}}
{{- define "vedette.usersArguments" -}}
{{- if and .Values.auth.enabled .Values.auth.usersSecret }}
- --aclfile
- /run/vedette/users/users.acl
- --aclfile-reload
- "yes"
{{- end }}
{{- end }}
{{- define "vedette.authMounts" -}}
{{- if include "vedette.passwordFile" . }}
- { name: auth, mountPath: /run/vedette/auth, readOnly: true }
{{- with .Values.auth.usersSecret }}
- { name: users, mountPath: /run/vedette/users, readOnly: true }
{{- end }}
{{- end }}
{{- end }}
{{- define "vedette.authVolumes" -}}
{{- if include "vedette.passwordFile" . }}
- name: auth
  secret: { secretName: {{ include "vedette.authSecret" . }}, defaultMode: 0440, items: [{ key: {{ include "vedette.authKey" . }}, path: password }] }
{{- with .Values.auth.usersSecret }}
- name: users
  secret: { secretName: {{ . }}, defaultMode: 0440, items: [{ key: {{ $.Values.auth.usersSecretKey }}, path: users.acl }] }
{{- end }}
{{- end }}
{{- end }}
{{/* The port without TLS, and that of TLS, of servers and sentinels; empty: there is none. */}}
{{- define "vedette.plainPort" -}}
{{- if or (not .context.Values.tls.enabled) .context.Values.tls.plain }}{{ ternary 6379 26379 (eq .component "server") }}{{ end }}
{{- end }}
{{- define "vedette.tlsPort" -}}
{{- if .context.Values.tls.enabled }}{{ add (ternary 6379 26379 (eq .component "server")) (ternary 1 0 .context.Values.tls.plain) }}{{ end }}
{{- end }}
{{/* Whether the group's own connections, and those of clients that ask the sentinels, go by TLS. */}}
{{- define "vedette.byTls" -}}
{{- if and .Values.tls.enabled .Values.tls.replication }}yes{{ end }}
{{- end }}
{{/* The port by which others know a server or a sentinel: a dict of context and component. */}}
{{- define "vedette.port" -}}
{{- include (ternary "vedette.tlsPort" "vedette.plainPort" (eq (include "vedette.byTls" .context) "yes")) . }}
{{- end }}
{{/* Ports, as a process takes them, with what TLS needs: a dict of context and component. */}}
{{- define "vedette.portArguments" -}}
- --port
- {{ default "0" (include "vedette.plainPort" .) | quote }}
{{- with .context.Values.tls }}
{{- if .enabled }}
- --tls-port
- {{ include "vedette.tlsPort" $ | quote }}
- --tls-cert-file
- /run/vedette/tls/tls.crt
- --tls-key-file
- /run/vedette/tls/tls.key
- --tls-ca-cert-file
- /run/vedette/tls/ca.crt
- --tls-auth-clients
- {{ include "vedette.authClients" $.context | quote }}
- --tls-replication
- {{ ternary "yes" "no" .replication | quote }}
- --http-tls
- {{ ternary "yes" "no" .http | quote }}
{{- end }}
{{- end }}
{{- end }}
{{/* YAML reads a bare yes as true. */}}
{{- define "vedette.authClients" -}}
{{- $given := toString .Values.tls.authClients }}
{{- get (dict "true" "yes" "false" "no") $given | default $given }}
{{- end }}
{{/* The same ports of a container or a Service: a dict of context, component, name and key, which is containerPort or port. */}}
{{- define "vedette.ports" -}}
{{- $key := .key }}
{{- $name := .name }}
{{- $target := ternary "" (printf ", targetPort: %s" $name) (eq $key "containerPort") }}
{{- with include "vedette.plainPort" . }}
- { name: {{ $name }}, {{ $key }}: {{ . }}{{ $target }} }
{{- end }}
{{- with include "vedette.tlsPort" . }}
- { name: {{ $name }}-tls, {{ $key }}: {{ . }}{{ with $target }}{{ . }}-tls{{ end }} }
{{- end }}
{{- end }}
{{- define "vedette.tlsMounts" -}}
{{- if .Values.tls.enabled }}
- { name: tls, mountPath: /run/vedette/tls, readOnly: true }
{{- end }}
{{- end }}
{{- define "vedette.tlsVolumes" -}}
{{- if .Values.tls.enabled }}
- name: tls
  secret: { secretName: {{ .Values.tls.secretName }}, defaultMode: 0440 }
{{- end }}
{{- end }}
{{/* How a probe asks. */}}
{{- define "vedette.probeScheme" -}}
{{- if and .Values.tls.enabled .Values.tls.http }}, scheme: HTTPS{{ end }}
{{- end }}
{{/* What our command line needs to connect by TLS. */}}
{{- define "vedette.clientArguments" -}}
{{- if include "vedette.byTls" . }}--tls --cacert /run/vedette/tls/ca.crt --cert /run/vedette/tls/tls.crt --key /run/vedette/tls/tls.key{{ end }}
{{- end }}
{{/* Refuses values of TLS that would leave a group without connections, or that somebody believes in vain. */}}
{{- define "vedette.checkTls" -}}
{{- with .Values.tls }}
{{- if and .http (not .enabled) }}{{ fail "tls.http is true, and tls.enabled is not: HTTP would go without TLS" }}{{ end }}
{{- if and .secretName (not .enabled) }}{{ fail "tls.secretName is given, and tls.enabled is false: nothing would go by TLS" }}{{ end }}
{{- if and .enabled (not .secretName) }}{{ fail "tls.enabled needs tls.secretName: the name of a secret with tls.crt, tls.key and ca.crt" }}{{ end }}
{{- if and .enabled (not .plain) (not .replication) }}{{ fail "tls.replication is false, so servers and sentinels talk to each other without TLS: that needs tls.plain true" }}{{ end }}
{{- end }}
{{- end }}
