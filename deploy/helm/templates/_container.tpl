{{- /* What the containers of the head and of the workers have in common. */ -}}
{{- define "pocket-speech.secret" -}}
{{ .Values.existingSecret | default (printf "%s-keys" .Release.Name) }}
{{- end -}}

{{- define "pocket-speech.container" -}}
image: "{{ .Values.image.repository }}:{{ .Values.image.tag }}"
imagePullPolicy: {{ .Values.image.pullPolicy }}
envFrom:
  - configMapRef:
      name: {{ .Release.Name }}-settings
  - secretRef:
      name: {{ include "pocket-speech.secret" . }}
volumeMounts:
  - name: cache
    mountPath: /srv/models
  - name: cache
    mountPath: /srv/voice
    subPath: voice
{{- end -}}

{{- define "pocket-speech.volumes" -}}
- name: cache
  emptyDir:
    sizeLimit: {{ .Values.cache.size }}
{{- end -}}
