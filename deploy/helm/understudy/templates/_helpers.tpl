{{- define "understudy.name" -}}
{{- default .Release.Name .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- end -}}

{{- define "understudy.selector" -}}
app.kubernetes.io/name: understudy
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "understudy.labels" -}}
{{ include "understudy.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | quote }}
{{- end -}}

{{- define "understudy.image" -}}
{{ printf "%s:%s" .Values.image.repository (.Values.image.tag | default .Chart.AppVersion) | quote }}
{{- end -}}

{{/* Refuses combinations of values with which servers would not find each other's work or files. */}}
{{- define "understudy.check" -}}
{{- $several := or (gt (int .Values.nodes.replicas) 1) (gt (int .Values.workers.replicas) 0) .Values.workers.autoscaling.enabled -}}
{{- if and $several (not .Values.clustered) -}}
{{- fail "Several nodes, or workers, share work through PostgreSQL and Redis: put UNDERSTUDY_DATABASE and UNDERSTUDY_BROKER into existingSecret, and set clustered to true. Otherwise set nodes.replicas to 1 and workers.replicas to 0." -}}
{{- end -}}
{{- if and .Values.clustered (not .Values.existingSecret) -}}
{{- fail "clustered needs existingSecret, a Secret with UNDERSTUDY_DATABASE and UNDERSTUDY_BROKER." -}}
{{- end -}}
{{- if and .Values.clustered (eq .Values.settings.blobs.kind "directory") (not .Values.persistence.sharedClaim) -}}
{{- fail "The pods of a cluster share files: set settings.blobs.kind to s3, or persistence.sharedClaim to a claim with ReadWriteMany." -}}
{{- end -}}
{{- if and (eq .Values.settings.blobs.kind "s3") (not .Values.settings.blobs.bucket) -}}
{{- fail "settings.blobs.kind s3 needs settings.blobs.bucket." -}}
{{- end -}}
{{- if and (not .Values.nodes.runJobs) (eq (int .Values.workers.replicas) 0) (not .Values.workers.autoscaling.enabled) -}}
{{- fail "nodes.runJobs is false, so nothing would run: set workers.replicas." -}}
{{- end -}}
{{- end -}}

{{- define "understudy.env" -}}
- name: UNDERSTUDY_SHUTDOWN_SECONDS
  value: {{ .Values.shutdownSeconds | quote }}
- name: UNDERSTUDY_BLOBS__KIND
  value: {{ .Values.settings.blobs.kind }}
{{- with .Values.settings.blobs }}
{{- if eq .kind "s3" }}
- name: UNDERSTUDY_BLOBS__BUCKET
  value: {{ .bucket | quote }}
{{- if .endpoint }}
- name: UNDERSTUDY_BLOBS__ENDPOINT
  value: {{ .endpoint | quote }}
{{- end }}
{{- if .region }}
- name: UNDERSTUDY_BLOBS__REGION
  value: {{ .region | quote }}
{{- end }}
{{- else if $.Values.clustered }}
- name: UNDERSTUDY_BLOBS__SHARED
  value: "true"
{{- end }}
{{- end }}
{{- if .Values.metrics.enabled }}
- name: UNDERSTUDY_METRICS__PORT
  value: {{ .Values.metrics.port | quote }}
- name: UNDERSTUDY_METRICS__HOST
  value: "0.0.0.0"
{{- end }}
{{- if .Values.config }}
- name: UNDERSTUDY_CONFIG
  value: /etc/understudy/understudy.toml
{{- end }}
{{- range $name, $value := .Values.settings.env }}
- name: {{ $name }}
  value: {{ $value | quote }}
{{- end }}
{{- end -}}

{{/* Who may read metrics. */}}
{{- define "understudy.metricsIngress" -}}
- ports:
    - { port: metrics }
  {{- if .Values.metrics.fromNamespaces }}
  from:
    {{- range .Values.metrics.fromNamespaces }}
    - namespaceSelector:
        matchLabels: { kubernetes.io/metadata.name: {{ . }} }
    {{- end }}
  {{- end }}
{{- end -}}

{{- define "understudy.mounts" -}}
- name: data
  mountPath: /data
- name: tmp
  mountPath: /tmp
{{- if and .Values.clustered .Values.persistence.sharedClaim }}
- name: files
  mountPath: /data/blobs
{{- end }}
{{- if .Values.config }}
- name: config
  mountPath: /etc/understudy
  readOnly: true
{{- end }}
{{- end -}}

{{- define "understudy.volumes" -}}
- name: data
{{- if .Values.clustered }}
  emptyDir:
    sizeLimit: {{ .Values.persistence.temporarySize }}
{{- else }}
  persistentVolumeClaim:
    claimName: {{ include "understudy.name" . }}
{{- end }}
- name: tmp
  emptyDir:
    sizeLimit: 1Gi
{{- if and .Values.clustered .Values.persistence.sharedClaim }}
- name: files
  persistentVolumeClaim:
    claimName: {{ .Values.persistence.sharedClaim }}
{{- end }}
{{- if .Values.config }}
- name: config
  configMap:
    name: {{ include "understudy.name" . }}
{{- end }}
{{- end -}}

{{- define "understudy.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
fsGroupChangePolicy: OnRootMismatch
{{- end -}}
