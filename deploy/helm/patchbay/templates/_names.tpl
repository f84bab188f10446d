{{- define "patchbay.name" -}}
{{ printf "%s-patchbay" .Release.Name | trunc 52 | trimSuffix "-" }}
{{- end }}

{{- define "patchbay.match" -}}
app.kubernetes.io/name: patchbay
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "patchbay.labels" -}}
{{ include "patchbay.match" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "patchbay.secret" -}}
{{ .Values.existingSecret | default (include "patchbay.name" .) }}
{{- end }}
