# The CloudFormation stack, from Terraform. Why not resources of Terraform's own: docs/deploy.md#with-terraform.
terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0"
    }
  }
}

variable "packages" {
  description = "The bucket that the Glue package is in; the template is put there too, being larger than a request may be."
  type        = string
}

variable "package_prefix" {
  description = "The package's folder, without a slash at its end. A new one for each release."
  type        = string
  default     = "matched-ids/5.1"
}

locals {
  template = "${path.module}/../cloudformation/matched-ids.yaml"
}

data "aws_s3_bucket" "packages" {
  bucket = var.packages
}

# Another name for another template, by which Terraform sees that the stack is to be updated.
resource "aws_s3_object" "template" {
  bucket = data.aws_s3_bucket.packages.id
  key    = "${var.package_prefix}/matched-ids-${filemd5(local.template)}.yaml"
  source = local.template
}

resource "aws_cloudformation_stack" "matched_ids" {
  name         = "matched-ids"
  template_url = "https://${data.aws_s3_bucket.packages.bucket_regional_domain_name}/${aws_s3_object.template.key}"
  capabilities = ["CAPABILITY_NAMED_IAM"]

  parameters = {
    PublishBucket    = "your-published-ids"
    RawBucket        = "your-lake"
    RawPrefix        = "raw/"
    RawSchema        = "raw"
    LakeBucket       = "your-lake"
    LakePrefix       = "matched-ids/"
    PackageBucket    = var.packages
    PackagePrefix    = var.package_prefix
    ScheduleTimezone = "America/Sao_Paulo"
    Email            = "on-call@example.org"
  }
}

output "topic_arn" {
  value = aws_cloudformation_stack.matched_ids.outputs["TopicArn"]
}

output "consumer_policy_arn" {
  value = aws_cloudformation_stack.matched_ids.outputs["ConsumerPolicyArn"]
}
