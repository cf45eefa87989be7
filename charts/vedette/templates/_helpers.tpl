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
